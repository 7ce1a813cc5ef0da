/** What a tap reads packets from, as `PacketTap` uses it. */
import type { PacketBlock } from "./packet_block.ts";
import type { CaptureStats } from "./pcap.ts";

/** How a device is opened. */
export interface TapOptions {
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  readonly ringBytes: number;
}

/** Packets that the kernel counted for us and did not hand over. */
export interface CountedOnly {
  readonly packets: number;
  readonly bytes: number;
}

/** Counters since opening. */
export type TapStats = Pick<CaptureStats, "received" | "droppedByRing">;

/** Where packets come from: a packet socket, or programs at interfaces. */
export interface TapSource extends Disposable {
  /** For poll(2). */
  readonly descriptor: number;
  /** How many blocks its ring has. */
  readonly blocks: number;
  /** Since opening, as of the last `renewBudget` or `stats`. */
  readonly countedOnly: CountedOnly;
  /**
   * The next block that is ready; `undefined` when none is.
   *
   * @throws PcapError when the interface is no more
   */
  nextBlock(): PacketBlock | undefined;
  /** Gives the block of `nextBlock` back to the kernel. */
  release(): void;
  /**
   * Lets the kernel hand over what the time since the last call allows.
   *
   * @param now of `performance.now()`
   */
  renewBudget(now: number): void;
  /** From now on nothing is handed over or counted, until `resume`. */
  pause(): void;
  resume(): void;
  stats(): TapStats;
}
