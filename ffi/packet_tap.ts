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

/** Milliseconds after which programs are tried again that could not be had, or not see all. */
const RETRY_INTERVAL = 300_000;

/** A source that was left, and may have packets yet. */
interface Former {
  readonly source: TapSource;
  /** On the clock of `performance.now()`. */
  readonly until: number;
}

/** One device. */
export class PacketTap implements Disposable {
  readonly #device: string;
  readonly #options: TapOptions;
  readonly #dropsBefore: number;
  #source: PacketRing | InterfaceTap;
  #formers: readonly Former[] = [];
  #reading: TapSource | undefined;
  /** Counts attempts to have programs; one that is not the last comes too late. */
  #attempt = 0;
  #nextAttempt = Infinity;
  /** Sums of sources that are closed. */
  #received = 0;
  #dropped = 0;
  #counted: CountedOnly = { packets: 0, bytes: 0 };

  private constructor(device: string, options: TapOptions, source: PacketRing) {
    this.#device = device;
    this.#options = options;
    this.#source = source;
    this.#dropsBefore = interfaceDrops(device);
  }

  /**
   * Opens an Ethernet interface or `any`.
   *
   * @param budget as for `setBudget`
   * @returns `undefined` where only libpcap can, or can say why not
   */
  static open(device: string, options: TapOptions, budget?: PacketBudget): PacketTap | undefined {
    const ring = PacketRing.open(device, options);
    const tap = ring && new PacketTap(device, options, ring);
    if (budget) tap?.setBudget(budget);
    return tap;
  }

  /** For poll(2). */
  get descriptor(): number {
    return this.#source.descriptor;
  }

  /** How many blocks its ring has. */
  get blocks(): number {
    return this.#source.blocks;
  }

  /**
   * From now on the kernel hands over so many packets, as long as `renewBudget` is called again and
   * again, and only counts the others; see `TapBudget`. A filter does it until programs are at the
   * interfaces. A kernel or a process that can use neither gets all of them.
   *
   * @param budget none: from now on every packet is handed over
   * @throws PcapError where no packet socket can be opened any more
   */
  setBudget(budget: PacketBudget | undefined): void {
    const source = this.#source;
    if (budget && source instanceof PacketRing) {
      source.beginBudget(budget);
      this.#attach(budget);
    } else if (!budget) {
      this.#attempt++;
      if (source instanceof PacketRing) source.endBudget();
      else this.#openRing();
    }
  }

  /** Has programs put to the interfaces, which takes a while, and follows them. */
  async #attach(budget: PacketBudget): Promise<void> {
    const attempt = ++this.#attempt;
    this.#nextAttempt = performance.now() + RETRY_INTERVAL;
    let next: InterfaceTap | undefined;
    try {
      next = await InterfaceTap.open(this.#device, this.#options, budget);
    } catch {
      // The filter does the same.
    }
    if (next && attempt === this.#attempt) this.#follow(next);
    else next?.[Symbol.dispose]();
  }

  /** @returns the packet socket that is read from now on */
  #openRing(): PacketRing {
    const next = PacketRing.open(this.#device, this.#options, true);
    if (!next) throw new PcapError("no packet socket can be opened");
    this.#follow(next);
    return next;
  }

  /** What comes from now on comes from another source, and what the present one has is read as well. */
  #follow(next: PacketRing | InterfaceTap): void {
    this.#source.pause();
    next.resume();
    const until = performance.now() + LEAVE_TIME;
    this.#formers = [...this.#formers, { source: this.#source, until }];
    this.#source = next;
  }

  /**
   * The next block of packets; `undefined` when none is ready.
   *
   * @throws PcapError when the interface is no more
   */
  nextBlock(): PacketBlock | undefined {
    for (const { source, until } of this.#formers) {
      const block = source.nextBlock();
      this.#reading = source;
      if (block) return block;
      if (performance.now() >= until) this.#closeFormer(source);
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
   * @throws PcapError where no packet socket can be opened any more
   */
  renewBudget(now: number, budget: PacketBudget): void {
    this.#source.renewBudget(now);
    if (this.#source instanceof InterfaceTap && !this.#source.seesAll) {
      this.#openRing().beginBudget(budget);
      this.#nextAttempt = now + RETRY_INTERVAL;
    } else if (now >= this.#nextAttempt) this.#attach(budget);
  }

  /** Since opening, as of the last `renewBudget` or `stats`. */
  get countedOnly(): CountedOnly {
    return this.#sources.map(({ countedOnly }) => countedOnly).reduce(sum, this.#counted);
  }

  /** Counters since opening. */
  stats(): CaptureStats {
    let received = this.#received, droppedByRing = this.#dropped;
    for (const source of this.#sources) {
      const now = source.stats();
      received += now.received;
      droppedByRing += now.droppedByRing;
    }
    const droppedByInterface = Math.max(0, interfaceDrops(this.#device) - this.#dropsBefore);
    return { received, droppedByRing, droppedByInterface };
  }

  get #sources(): readonly TapSource[] {
    return [...this.#formers.map(({ source }) => source), this.#source];
  }

  #closeFormer(former: TapSource): void {
    const { received, droppedByRing } = former.stats();
    this.#received += received;
    this.#dropped += droppedByRing;
    this.#counted = sum(this.#counted, former.countedOnly);
    former[Symbol.dispose]();
    this.#formers = this.#formers.filter(({ source }) => source !== former);
  }

  [Symbol.dispose](): void {
    this.#attempt++;
    for (const { source } of this.#formers) this.#closeFormer(source);
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
