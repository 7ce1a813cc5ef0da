/**
 * How many packets a tap takes while the kernel enforces. Each packet that a tap takes costs the
 * connection that it belongs to; what it is, the kernel's chains decide without us. So a small
 * program in the kernel hands over so many a second, a burst of them at once where it was quiet
 * before, and counts the others where they are: their number and bytes stay exact. Beginnings and
 * ends of TCP connections are always handed over, for they tell who opened what and who scans or
 * floods, unless an IPv6 extension header or more than one VLAN tag lies before TCP.
 */
import { SharedMap } from "./bpf.ts";
import { TokenRefill } from "./token_refill.ts";

/** Where in the shared memory what stands, in bytes. */
export const Slot = {
  /** Each processor counts in a line of the cache of its own; more than 64 share them. */
  count: 64,
  bytes: 64,
  /** Packets that may yet be handed over, and packets and bytes only counted. */
  left: 0,
  packets: 8,
  packetBytes: 16,
  /** Packets that found no room. */
  lost: 24,
  /** See `setClock`. */
  clock: 32,
  /** Whether anything is handed over or counted; only programs at interfaces ask. */
  open: 40,
} as const;

/** How many packets are handed over, for each processor. */
export interface PacketBudget {
  /** In the long run. */
  readonly packetsPerSecond: number;
  /** At once: what a quiet time saves, and what a budget begins with. */
  readonly burst: number;
}

/** What the programs of one tap share: what they may hand over yet, and what they counted. */
export class TapBudget implements Disposable {
  /** Packets and bytes that were counted and not handed over, at the last `renew` or `count`. */
  packets = 0;
  bytes = 0;
  /** Packets that were to be handed over and found no room, likewise. */
  lost = 0;
  readonly #memory: SharedMap;
  readonly #words: Uint32Array;
  readonly #burst: number;
  readonly #refill: TokenRefill;

  private constructor(memory: SharedMap, { packetsPerSecond, burst }: PacketBudget) {
    this.#memory = memory;
    this.#words = new Uint32Array(memory.mapping.memory());
    this.#burst = burst;
    this.#refill = new TokenRefill(packetsPerSecond, burst, performance.now());
    this.#add(burst);
  }

  /** `undefined` where the kernel has no such thing (before Linux 5.5) or this process may not. */
  static create(budget: PacketBudget): TapBudget | undefined {
    const memory = SharedMap.create(Slot.count * Slot.bytes);
    return memory && new TapBudget(memory, budget);
  }

  /** Of the memory, for the programs. */
  get descriptor(): number {
    return this.#memory.descriptor;
  }

  /**
   * Lets the kernel hand over what the time since the last call allows, and counts.
   *
   * @param now of `performance.now()`
   */
  renew(now: number): void {
    this.#add(this.#refill.take(now));
    this.count();
  }

  /**
   * The kernel may take a packet between the read and the write here, or write in between: then one
   * packet more is handed over, or what was added is lost. Neither can come to less than none left.
   */
  #add(packets: number): void {
    if (packets === 0) return;
    for (let slot = 0; slot < Slot.count * Slot.bytes; slot += Slot.bytes) {
      const at = (slot + Slot.left) >> 2, left = this.#words[at];
      // A processor that has them all keeps its line of the cache.
      if (left < this.#burst) this.#words[at] = Math.min(this.#burst, left + packets);
    }
  }

  /** Brings the counters up to date. */
  count(): void {
    let packets = 0, bytes = 0, lost = 0;
    for (let slot = 0; slot < Slot.count * Slot.bytes; slot += Slot.bytes) {
      packets += this.#counter(slot + Slot.packets);
      bytes += this.#counter(slot + Slot.packetBytes);
      lost += this.#counter(slot + Slot.lost);
    }
    this.packets = packets;
    this.bytes = bytes;
    this.lost = lost;
  }

  /** Tells the programs by how many nanoseconds the time of day is ahead of the monotonic clock. */
  setClock(ahead: bigint): void {
    const words = new BigInt64Array(this.#words.buffer);
    for (let slot = 0; slot < Slot.count * Slot.bytes; slot += Slot.bytes) {
      words[(slot + Slot.clock) >> 3] = ahead;
    }
  }

  /** Whether programs at interfaces hand over and count; not until they are told to. */
  setOpen(isOpen: boolean): void {
    for (let slot = 0; slot < Slot.count * Slot.bytes; slot += Slot.bytes) {
      this.#words[(slot + Slot.open) >> 2] = isOpen ? 1 : 0;
    }
  }

  /** 64 bits that another processor may be adding to, its upper half read before and after. */
  #counter(at: number): number {
    const words = this.#words, low = at >> 2, high = low + 1;
    for (;;) {
      const upper = words[high], lower = words[low];
      if (words[high] === upper) return upper * 2 ** 32 + lower;
    }
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
