/**
 * A device whose packets are read where the kernel puts them: no call and no copy for each, which
 * libpcap needs. It is opened without a filter only; filters are libpcap's art.
 *
 * Who wants every packet gets them by a packet socket. Within a budget programs at the interfaces hand
 * them over, or where the kernel has none, a filter of the socket.
 */
import { InterfaceTap } from "./interface_tap.ts";
import type { PacketBlock } from "./packet_block.ts";
import { PacketRing } from "./packet_ring.ts";
import { type CaptureStats, PcapError } from "./pcap.ts";
import type { PacketBudget } from "./tap_budget.ts";
import type { CountedOnly, TapOptions, TapSource } from "./tap_source.ts";

/** How long what a source has left is waited for, in milliseconds: blocks of a socket fill for 10. */
const LEAVE_TIME = 50;

/** One device. */
export class PacketTap implements Disposable {
  readonly #device: string;
  readonly #options: TapOptions;
  readonly #dropsBefore: number;
  #source: PacketRing | InterfaceTap;
  /** The one before, which may have packets left. */
  #former: TapSource | undefined;
  #formerUntil = 0;
  #reading: TapSource | undefined;
  /** Sums of sources that are closed. */
  #received = 0;
  #dropped = 0;
  #counted: CountedOnly = { packets: 0, bytes: 0 };

  private constructor(device: string, options: TapOptions, source: PacketRing | InterfaceTap) {
    this.#device = device;
    this.#options = options;
    this.#source = source;
    this.#dropsBefore = interfaceDrops(device);
  }

  /**
   * Opens an Ethernet interface or `any`.
   *
   * @param budget how many packets are handed over; all without one
   * @returns `undefined` where only libpcap can, or can say why not
   */
  static open(device: string, options: TapOptions, budget?: PacketBudget): PacketTap | undefined {
    const source = budget && InterfaceTap.open(device, options, budget);
    if (source) {
      source.resume();
      return new PacketTap(device, options, source);
    }
    const ring = PacketRing.open(device, options);
    if (budget) ring?.beginBudget(budget);
    return ring && new PacketTap(device, options, ring);
  }

  /** For poll(2). */
  get descriptor(): number {
    return this.#source.descriptor;
  }

  /** How many blocks its ring has. */
  get blocks(): number {
    return this.#source.blocks;
  }

  /** Whether programs at interfaces hand packets over. */
  get isAtInterfaces(): boolean {
    return this.#source instanceof InterfaceTap;
  }

  /**
   * From now on the kernel hands over so many packets, as long as `renewBudget` is called again and
   * again, and only counts the others; see `TapBudget`. An older kernel, or a process that may not,
   * gets all of them.
   *
   * @param budget none: from now on every packet is handed over
   * @throws PcapError when the interface is no more
   */
  setBudget(budget: PacketBudget | undefined): void {
    const source = this.#source;
    if (!budget) {
      if (source instanceof PacketRing) source.endBudget();
      else this.#openRing();
      return;
    }
    if (source instanceof InterfaceTap) return;
    const next = InterfaceTap.open(this.#device, this.#options, budget);
    if (next) this.#follow(next);
    else source.beginBudget(budget);
  }

  /** @returns the packet socket that is read from now on */
  #openRing(): PacketRing {
    const next = PacketRing.open(this.#device, this.#options, true);
    if (!next) throw new PcapError("The interface disappeared");
    this.#follow(next);
    return next;
  }

  /** What comes from now on comes from another source, and what the present one has is read first. */
  #follow(next: PacketRing | InterfaceTap): void {
    this.#source.pause();
    next.resume();
    this.#closeFormer();
    this.#former = this.#source;
    this.#formerUntil = performance.now() + LEAVE_TIME;
    this.#source = next;
  }

  /**
   * The next block of packets; `undefined` when none is ready.
   *
   * @throws PcapError when the interface is no more
   */
  nextBlock(): PacketBlock | undefined {
    const former = this.#former;
    if (former) {
      const block = former.nextBlock();
      this.#reading = former;
      if (block) return block;
      if (performance.now() >= this.#formerUntil) this.#closeFormer();
    }
    this.#reading = this.#source;
    return this.#source.nextBlock();
  }

  /** Gives the block of `nextBlock` back to the kernel. */
  release(): void {
    this.#reading?.release();
  }

  /**
   * Lets the kernel hand over what the time since the last call allows.
   *
   * @param now of `performance.now()`
   * @param budget for a socket, where programs no longer see all
   */
  renewBudget(now: number, budget: PacketBudget): void {
    this.#source.renewBudget(now);
    if (this.#source instanceof InterfaceTap && !this.#source.seesAll) {
      this.#openRing().beginBudget(budget);
    }
  }

  /** Since opening, as of the last `renewBudget`. */
  get countedOnly(): CountedOnly {
    const closed = this.#counted, before = this.#former?.countedOnly;
    return sum(this.#source.countedOnly, before ? sum(closed, before) : closed);
  }

  /** Counters since opening. */
  stats(): CaptureStats {
    const now = this.#source.stats(), before = this.#former?.stats();
    return {
      received: this.#received + now.received + (before?.received ?? 0),
      droppedByRing: this.#dropped + now.droppedByRing + (before?.droppedByRing ?? 0),
      droppedByInterface: Math.max(0, interfaceDrops(this.#device) - this.#dropsBefore),
    };
  }

  #closeFormer(): void {
    const former = this.#former;
    if (!former) return;
    const { received, droppedByRing } = former.stats();
    this.#received += received;
    this.#dropped += droppedByRing;
    this.#counted = sum(this.#counted, former.countedOnly);
    former[Symbol.dispose]();
    this.#former = undefined;
  }

  [Symbol.dispose](): void {
    this.#closeFormer();
    this.#source[Symbol.dispose]();
  }
}

function sum(one: CountedOnly, other: CountedOnly): CountedOnly {
  return { packets: one.packets + other.packets, bytes: one.bytes + other.bytes };
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
