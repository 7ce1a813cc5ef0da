/**
 * Packets that programs at interfaces hand over (`interfaceProgram`): records of one size in a ring that
 * the kernel writes on and on (Documentation/bpf/ringbuf.rst of Linux), taken in blocks of many.
 */
import { RECORD_BYTES, RECORD_PREFIX } from "./budget_program.ts";
import { type BlockContents, PacketBlock } from "./packet_block.ts";

/** Of a record's first word: it is not written yet (BPF_RINGBUF_BUSY_BIT). */
const BUSY = 1 << 31;
/** The most that is taken at once: what a round handles before it looks at the clock. */
const BLOCK_BYTES = 1 << 18;

/** The memory of a ring, whose length is a power of two. */
export interface RingMemory {
  /** How far the kernel has written, 64 bits, and from `dataAt` on the records. Only read. */
  readonly produced: ArrayBuffer;
  readonly dataAt: number;
  /** How far it was read, 64 bits. */
  readonly consumed: ArrayBuffer;
}

/** A ring, read block by block. */
export class RecordBlocks {
  /** The present block. */
  readonly block: PacketBlock;
  /** How many blocks the ring holds, at least. */
  readonly blocks: number;
  readonly #words: Int32Array;
  readonly #consumed: BigInt64Array;
  readonly #dataAt: number;
  readonly #length: number;
  /** Bytes of all blocks that were given back, and of the present one. */
  #position: bigint;
  #taken = 0;

  /** Whether the last block was all that there was. */
  #isDrained = false;

  /** @param ring its two mappings; see `RingMap` */
  constructor(ring: RingMemory, contents: BlockContents) {
    this.block = new PacketBlock(ring.produced, contents);
    this.#dataAt = ring.dataAt;
    this.#length = ring.produced.byteLength - ring.dataAt;
    this.blocks = this.#length / Math.min(this.#length, BLOCK_BYTES);
    this.#words = new Int32Array(ring.produced);
    this.#consumed = new BigInt64Array(ring.consumed, 0, 1);
    this.#position = this.#consumed[0];
  }

  /**
   * Begins a block of what was written since the last one, if anything was. After one that took all
   * there is none for once: else, while records come, blocks would shrink to a few of them.
   */
  open(): boolean {
    if (this.#isDrained) {
      this.#isDrained = false;
      return false;
    }
    const words = this.#words, position = this.#position;
    const at = Number(BigInt.asUintN(32, position)) & (this.#length - 1);
    // The lower half of the kernel's position is enough: the ring is smaller than that counts.
    const written = (Atomics.load(words, 0) - Number(BigInt.asIntN(32, position))) >>> 0;
    const most = Math.min(written, this.#length - at, BLOCK_BYTES);
    let taken = 0;
    for (let header = (this.#dataAt + at) >> 2; taken < most; header += RECORD_BYTES >> 2) {
      // Atomic, so that nothing of the record is read before.
      if ((Atomics.load(words, header) & BUSY) !== 0) break;
      taken += RECORD_BYTES;
    }
    if (taken === 0) return false;
    this.#isDrained = taken === written;
    const start = this.#dataAt + at;
    this.block.begin(start + RECORD_PREFIX, start + taken, taken / RECORD_BYTES);
    this.#taken = taken;
    return true;
  }

  /** The next `open` looks, whatever the last block was. */
  lookAgain(): void {
    this.#isDrained = false;
  }

  /** Gives the block back to the kernel. */
  release(): void {
    this.block.end();
    this.#position += BigInt(this.#taken);
    this.#taken = 0;
    Atomics.store(this.#consumed, 0, this.#position);
  }
}
