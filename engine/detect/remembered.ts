/**
 * What a source did of late, so that doing it again adds nothing: the last 64 things, by their
 * hashes. What lies longer ago counts as new again.
 */

const THINGS = 64;
/** The bit of a hash that is not compared: it marks the thing. */
const MARK = 1;

/** Things remembered of each source, by its place in a table. */
export class Remembered {
  readonly #hashes: Int32Array;
  readonly #count: Uint8Array;
  /** Where the next thing goes; once all places are taken, that of the oldest. */
  readonly #next: Uint8Array;

  /** @param capacity places of the table; 258 bytes each */
  constructor(capacity: number) {
    this.#hashes = new Int32Array(capacity * THINGS);
    this.#count = new Uint8Array(capacity);
    this.#next = new Uint8Array(capacity);
  }

  /** Forgets what one source did. */
  clear(slot: number): void {
    this.#count[slot] = this.#next[slot] = 0;
  }

  /** Remembers a thing; true when it was not yet. `hash` has to be keyed with a secret. */
  add(slot: number, hash: number): boolean {
    if (this.#find(slot, hash) !== NONE) return false;
    const next = this.#next[slot];
    this.#hashes[slot * THINGS + next] = hash & ~MARK;
    this.#next[slot] = (next + 1) % THINGS;
    if (this.#count[slot] < THINGS) this.#count[slot]++;
    return true;
  }

  /** Marks a thing that is remembered; true when it was, and was not marked yet. */
  mark(slot: number, hash: number): boolean {
    const at = this.#find(slot, hash);
    if (at === NONE || (this.#hashes[at] & MARK) !== 0) return false;
    this.#hashes[at] |= MARK;
    return true;
  }

  #find(slot: number, hash: number): number {
    const hashes = this.#hashes, first = slot * THINGS, end = first + this.#count[slot];
    const wanted = hash & ~MARK;
    for (let at = first; at < end; at++) if ((hashes[at] & ~MARK) === wanted) return at;
    return NONE;
  }
}

const NONE = -1;

/** A keyed hash of what a packet tries to reach: protocol, destination port, destination address. */
export function hashTarget(
  packet: {
    readonly protocol: number;
    readonly destinationPort: number;
    readonly destination0: number;
    readonly destination1: number;
    readonly destination2: number;
    readonly destination3: number;
  },
  seed: number,
): number {
  const { destination0, destination1, destination2, destination3 } = packet;
  let hash = stir(seed ^ ((packet.protocol << 16) | packet.destinationPort));
  hash = stir(hash ^ destination0);
  // IPv4 has no more words.
  if ((destination1 | destination2 | destination3) === 0) return hash;
  return stir(stir(stir(hash ^ destination1) ^ destination2) ^ destination3);
}

/** The same hash of one connection to that target: also by the sender's port or identifier. */
export function hashConnection(hash: number, sourcePort: number): number {
  return stir(hash ^ (sourcePort + 1));
}

/** Every bit of the result depends on every bit of the word (the finalizer of MurmurHash3). */
function stir(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
