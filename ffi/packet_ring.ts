/**
 * A device whose packets are read where the kernel puts them: no call and no copy for each, which
 * libpcap needs. It is opened without a filter only; filters are libpcap's art.
 */
import { interfaceIndex, interfaceName } from "./libc.ts";
import { type CaptureStats, PcapError } from "./pcap.ts";
import { PacketSocket, type RingShape } from "./packet_socket.ts";
import { COOKED_HEADER, RingBlocks } from "./ring_block.ts";
import { type PacketBudget, TapBudget } from "./tap_budget.ts";

/** How a ring is opened. */
export interface RingOptions {
  readonly snaplen: number;
  readonly ringBytes: number;
}

/** Packets that the kernel counted for us and did not hand over. */
export interface CountedOnly {
  readonly packets: number;
  readonly bytes: number;
}

const NONE: CountedOnly = { packets: 0, bytes: 0 };

/** Longest time that a packet waits in a block that is not full, in milliseconds. */
const RETIRE_TIMEOUT = 10;
/** Large, so that a block is worth its handling; a small ring gets more of smaller ones. */
const BLOCK_BYTES = 1 << 18, SMALL_BLOCK_BYTES = 1 << 16;
const FEWEST_BLOCKS = 8;

/** ENETDOWN of errno(3). */
const NETWORK_DOWN = 100;

/** A packet socket, its ring, and its counters. */
export class PacketRing implements Disposable {
  readonly device: string;
  /** How many blocks it has. */
  readonly blocks: number;
  readonly #socket: PacketSocket;
  readonly #index: number;
  readonly #dropsBefore: number;
  readonly #snaplen: number;
  #budget: TapBudget | undefined;
  #earlier = NONE;
  #memory: RingBlocks | undefined;
  #received = 0;
  #dropped = 0;
  /** Whether a block was there when one was asked for last. */
  #isBusy = false;

  private constructor(device: string, socket: PacketSocket, shape: RingShape, snaplen: number) {
    this.device = device;
    this.#snaplen = snaplen;
    this.blocks = shape.blocks;
    this.#socket = socket;
    this.#index = device === "any" ? 0 : interfaceIndex(device);
    this.#dropsBefore = interfaceDrops(device);
    this.#memory = new RingBlocks(socket.memory(), {
      blockBytes: shape.blockBytes,
      isCooked: this.#index === 0,
      loopback: interfaceIndex("lo"),
    });
  }

  /** Opens an Ethernet interface or `any`; `undefined` where only libpcap can, or can say why not. */
  static open(device: string, { snaplen, ringBytes }: RingOptions): PacketRing | undefined {
    const shape = shapeOf(ringBytes);
    const socket = PacketSocket.open(device, { ...shape, snaplen, timeout: RETIRE_TIMEOUT });
    return socket && new PacketRing(device, socket, shape, snaplen);
  }

  /** For poll(2). */
  get descriptor(): number {
    return this.#socket.descriptor;
  }

  /**
   * The next block that is full or whose time is over; `undefined` when none is.
   *
   * @throws PcapError when the interface is no more
   */
  nextBlock(): RingBlocks | undefined {
    const wasBusy = this.#isBusy;
    this.#isBusy = this.#memory?.open() ?? false;
    if (this.#isBusy) return this.#memory;
    // While packets come nothing is wrong, and asking is a system call.
    if (wasBusy) return undefined;
    const error = this.#socket.error();
    // An interface that is down only waits: the kernel goes on with the socket once it is up.
    if (error === 0 || (error === NETWORK_DOWN && this.#exists())) return undefined;
    throw new PcapError(error === NETWORK_DOWN ? "The interface disappeared" : `errno ${error}`);
  }

  #exists(): boolean {
    return this.#index === 0 || interfaceName(this.#index) !== "";
  }

  /**
   * From now on the kernel hands over so many packets, as long as `renewBudget` is called again and
   * again, and only counts the others; see `TapBudget`.
   *
   * @returns whether it does: an older kernel, or a process that may not, gets all of them
   */
  beginBudget(packets: PacketBudget): boolean {
    const loopback = interfaceIndex("lo");
    const isCooked = this.#index === 0;
    const budget = TapBudget.create({ ...packets, snaplen: this.#snaplen, isCooked, loopback });
    if (!budget) return false;
    if (this.#socket.takeBy(budget.descriptor)) {
      this.#dropBudget();
      this.#budget = budget;
      return true;
    }
    budget[Symbol.dispose]();
    return false;
  }

  /** From now on every packet is handed over. */
  endBudget(): void {
    if (this.#budget && this.#socket.takeEvery(this.#snaplen)) this.#dropBudget();
  }

  /**
   * Lets the kernel hand over what the time since the last call allows.
   *
   * @param now of `performance.now()`
   */
  renewBudget(now: number): void {
    this.#budget?.renew(now);
  }

  /** Since opening, as of the last `renewBudget`. */
  get countedOnly(): CountedOnly {
    const budget = this.#budget;
    if (!budget) return this.#earlier;
    const packets = this.#earlier.packets + budget.packets;
    const added = this.#index === 0 ? COOKED_HEADER * budget.packets : 0;
    return { packets, bytes: this.#earlier.bytes + budget.bytes + added };
  }

  #dropBudget(): void {
    this.#budget?.count();
    this.#earlier = this.countedOnly;
    this.#budget?.[Symbol.dispose]();
    this.#budget = undefined;
  }

  /** Counters since opening. */
  stats(): CaptureStats {
    const { packets, drops } = this.#socket.statistics();
    this.#received += packets;
    this.#dropped += drops;
    return {
      received: this.#received,
      droppedByRing: this.#dropped,
      droppedByInterface: Math.max(0, interfaceDrops(this.device) - this.#dropsBefore),
    };
  }

  [Symbol.dispose](): void {
    if (!this.#memory) return;
    this.#dropBudget();
    // Its memory is gone with the socket.
    this.#memory = undefined;
    this.#socket[Symbol.dispose]();
  }
}

function shapeOf(ringBytes: number): RingShape {
  const blockBytes = ringBytes >= FEWEST_BLOCKS * BLOCK_BYTES ? BLOCK_BYTES : SMALL_BLOCK_BYTES;
  return { blockBytes, blocks: Math.max(2, Math.round(ringBytes / blockBytes)) };
}

/** Packets that a card had no room for, since it is up; what libpcap counts too. */
function interfaceDrops(device: string): number {
  return ["rx_missed_errors", "rx_fifo_errors"].reduce((sum, name) => {
    try {
      return sum + Number(Deno.readTextFileSync(`/sys/class/net/${device}/statistics/${name}`));
    } catch {
      return sum;
    }
  }, 0);
}
