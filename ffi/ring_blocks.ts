/**
 * The memory of a packet socket's ring (TPACKET_V3, linux/if_packet.h): one block after another, which
 * belongs to the kernel until it is full or its time is over, then to us until we give it back.
 */
import { type BlockContents, PacketBlock } from "./packet_block.ts";

/** Words (32 bits) of struct tpacket_block_desc. */
const STATUS = 2, PACKETS = 3, FIRST = 4;
const TP_STATUS_KERNEL = 0, TP_STATUS_USER = 1;
/** Bytes of the block's own header. */
const BLOCK_HEADER = 48;

/** What a ring is. */
export interface RingContents extends BlockContents {
  readonly blockBytes: number;
}

/** A ring, read block by block. */
export class RingBlocks {
  /** The present block. */
  readonly block: PacketBlock;
  readonly #words: Int32Array;
  readonly #blockBytes: number;
  readonly #blocks: number;
  /** Number of the block that is read, or would be next. */
  #number = 0;

  constructor(memory: ArrayBuffer, contents: RingContents) {
    this.block = new PacketBlock(memory, contents);
    this.#words = new Int32Array(memory);
    this.#blockBytes = contents.blockBytes;
    this.#blocks = Math.floor(memory.byteLength / contents.blockBytes);
  }

  /** Begins the next block, if the kernel has given it up. */
  open(): boolean {
    const words = this.#words, start = this.#number * this.#blockBytes, header = start >> 2;
    // Atomic, so that nothing of the block is read before.
    if ((Atomics.load(words, header + STATUS) & TP_STATUS_USER) === 0) return false;
    const first = words[header + FIRST], packets = words[header + PACKETS];
    const isSound = first >= BLOCK_HEADER && first <= this.#blockBytes && (first & 7) === 0;
    this.block.begin(start + first, start + this.#blockBytes, packets);
    if (!isSound) this.block.end();
    return true;
  }

  /** Gives the block back to the kernel. */
  release(): void {
    const header = this.#number * this.#blockBytes >> 2;
    this.block.end();
    Atomics.store(this.#words, header + STATUS, TP_STATUS_KERNEL);
    this.#number = this.#number + 1 === this.#blocks ? 0 : this.#number + 1;
  }
}
