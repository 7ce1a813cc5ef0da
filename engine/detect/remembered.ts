/**
 * What a source did of late, so that doing it again adds nothing: the last 64 things, by their
 * hashes. What lies longer ago counts as new again.
 */

const THINGS = 64;
/** Before the hashes: how many there are, and where the next goes, which is where the oldest is. */
const COUNT = 0, NEXT = 1, HASHES = 2, STRIDE = HASHES + THINGS;
/** The bit of a hash that is not compared: it marks the thing. */
const MARK = 1;
const NONE = -1;

/** Things remembered of each source, by its place in a table. */
export class Remembered {
  readonly #words: Int32Array;

  /** @param capacity places of the table; 264 bytes each */
  constructor(capacity: number) {
    this.#words = new Int32Array(capacity * STRIDE);
  }

  /** Forgets what one source did. */
  clear(slot: number): void {
    this.#words[slot * STRIDE + COUNT] = this.#words[slot * STRIDE + NEXT] = 0;
  }

  /** Remembers a thing; true when it was not yet. `hash` has to be keyed with a secret. */
  add(slot: number, hash: number): boolean {
    if (this.#find(slot, hash) !== NONE) return false;
    const words = this.#words, at = slot * STRIDE, next = words[at + NEXT];
    words[at + HASHES + next] = hash & ~MARK;
    words[at + NEXT] = (next + 1) % THINGS;
    if (words[at + COUNT] < THINGS) words[at + COUNT]++;
    return true;
  }

  /** Marks a thing that is remembered; true when it was, and was not marked yet. */
  mark(slot: number, hash: number): boolean {
    const at = this.#find(slot, hash);
    if (at === NONE || (this.#words[at] & MARK) !== 0) return false;
    this.#words[at] |= MARK;
    return true;
  }

  #find(slot: number, hash: number): number {
    const words = this.#words, first = slot * STRIDE + HASHES, wanted = hash & ~MARK;
    const end = first + words[slot * STRIDE + COUNT];
    for (let at = first; at < end; at++) if ((words[at] & ~MARK) === wanted) return at;
    return NONE;
  }
}

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
