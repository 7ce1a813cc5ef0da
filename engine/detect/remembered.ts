/**
 * What a source did already, so that doing it again adds nothing: a Bloom filter for each source
 * (Bloom 1970), two bits for each thing. It says "known" of a new thing at times, never "new" of a
 * known one.
 */

const WORDS = 16, BITS = 32 * WORDS;
/** With half of the bits set, one new thing in four would be taken for a known one. */
const FULL = BITS / 2;

/** Things remembered of each source, by its place in a table. */
export class Remembered {
  readonly #bits: Int32Array;
  /** Bits set, of each source. */
  readonly #set: Uint16Array;

  /** @param capacity places of the table; 66 bytes each */
  constructor(capacity: number) {
    this.#bits = new Int32Array(capacity * WORDS);
    this.#set = new Uint16Array(capacity);
  }

  /** Forgets what one source did. */
  clear(slot: number): void {
    if (this.#set[slot] === 0) return;
    this.#bits.fill(0, slot * WORDS, (slot + 1) * WORDS);
    this.#set[slot] = 0;
  }

  /** Whether so much is remembered that new things would be taken for known ones. */
  isFull(slot: number): boolean {
    return this.#set[slot] >= FULL;
  }

  /** Whether the thing is remembered; `hash` has to be keyed with a secret. */
  has(slot: number, hash: number): boolean {
    const bits = this.#bits, at = slot * WORDS;
    const one = hash & (BITS - 1), other = (hash >>> 16) & (BITS - 1);
    return ((bits[at + (one >> 5)] >>> (one & 31)) & (bits[at + (other >> 5)] >>> (other & 31)) &
      1) !== 0;
  }

  /** Remembers the thing; true when it was not yet. */
  add(slot: number, hash: number): boolean {
    const isNew = this.#setBit(slot, hash & (BITS - 1));
    return this.#setBit(slot, (hash >>> 16) & (BITS - 1)) || isNew;
  }

  #setBit(slot: number, bit: number): boolean {
    const at = slot * WORDS + (bit >> 5), mask = 1 << (bit & 31);
    if ((this.#bits[at] & mask) !== 0) return false;
    this.#bits[at] |= mask;
    this.#set[slot]++;
    return true;
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
