/** Random changes to good input: the shortest way to input that is almost good. */

/** A reproducible source of numbers (xorshift32, Marsaglia 2003). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}

/** Bytes at which parsers turn: limits of numbers, versions, protocol numbers, JSON's marks. */
const TURNING = [0, 1, 4, 6, 17, 44, 51, 58, 60, 0x45, 0x60, 0x7f, 0x80, 0xfe, 0xff, 0x22, 0x7b];

/** A changed copy; `other` gives the bytes of a splice. */
export function mutate(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes: Uint8Array = input.slice();
  for (let changes = 1 + random.below(5); changes > 0; changes--) {
    bytes = change(random, bytes, other);
  }
  return bytes;
}

function change(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  switch (random.below(6)) {
    case 0: // one bit
      if (at < bytes.length) bytes[at] ^= 1 << random.below(8);
      return bytes;
    case 1: // one byte
      if (at < bytes.length) bytes[at] = random.pick(TURNING);
      return bytes;
    case 2: // the end cut off
      return bytes.slice(0, at);
    case 3: { // some bytes taken out
      const to = Math.min(bytes.length, at + 1 + random.below(8));
      return joined(bytes.subarray(0, at), bytes.subarray(to));
    }
    case 4: { // some bytes twice
      const from = Math.max(0, at - 1 - random.below(16));
      return joined(bytes.subarray(0, at), bytes.subarray(from));
    }
    default: { // the rest of another input
      const from = random.below(other.length + 1);
      return joined(bytes.subarray(0, at), other.subarray(from));
    }
  }
}

/** Longer than any packet kept; inputs may not grow without end. */
const LONGEST = 1 << 16;

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes.subarray(0, LONGEST);
}
