/**
 * Packets that programs at the interfaces hand over (tcx, Linux 6.6). Of a packet that is only counted
 * nobody makes a reference or a copy, so it costs a fraction of what a packet socket's filter does.
 *
 * Interfaces that come later are found by `renewBudget`; what they carried before is not counted.
 */
import { Attachment, Direction, Program, ProgramKind, RingMap } from "./bpf.ts";
import { interfaceProgram, MOST_KEPT } from "./budget_program.ts";
import { timeOfDayAhead } from "./clock.ts";
import { InterfaceChanges, listInterfaces, type NetworkInterface } from "./interfaces.ts";
import { interfaceIndex } from "./libc.ts";
import { COOKED_HEADER, type PacketBlock } from "./packet_block.ts";
import { PcapError } from "./pcap.ts";
import { RecordBlocks } from "./record_blocks.ts";
import { type PacketBudget, TapBudget } from "./tap_budget.ts";
import type { CountedOnly, TapOptions, TapSource, TapStats } from "./tap_source.ts";

/** Bytes of the link layer's header by hardware type: Ethernet, loopback, and those without one. */
const LINK_HEADER = new Map([[1, 14], [772, 14], [512, 0], [519, 0], [65534, 0]]);
const WITHOUT_HEADER = 0;

/** Each interface has two descriptors, and a firewall without any cannot run iptables. */
const MOST_INTERFACES = 200;

/** Bytes. */
const LEAST_RING = 1 << 16;

/** Milliseconds between two looks at all interfaces, for a change that was not told. */
const LOOK_INTERVAL = 5000;

/** By how many nanoseconds the time of day is set before packets are told so. */
const CLOCK_TOLERANCE = 2_000_000n;

/** Programs at one interface or at all of them, and their ring. */
export class InterfaceTap implements TapSource {
  readonly #index: number;
  readonly #snaplen: number;
  readonly #loopback = interfaceIndex("lo");
  readonly #open = new DisposableStack();
  readonly #ring: RingMap;
  readonly #records: RecordBlocks;
  readonly #budget: TapBudget;
  readonly #changes: InterfaceChanges;
  readonly #programs = new Map<string, Program>();
  readonly #attached = new Map<number, DisposableStack>();
  #nextLook = 0;
  #ahead = 0n;
  #taken = 0;
  #isGone = false;
  #seesAll = true;

  /** @throws Error where the kernel has no such thing, this process may not, or not all is seen */
  private constructor(index: number, { snaplen, ringBytes }: TapOptions, budget: PacketBudget) {
    this.#index = index;
    this.#snaplen = Math.min(snaplen, MOST_KEPT);
    using parts = new DisposableStack();
    const contents = { isCooked: index === 0, loopback: this.#loopback };
    this.#budget = parts.use(needed(TapBudget.create(budget)));
    this.#ring = parts.use(needed(RingMap.create(ringLength(ringBytes))));
    const { produced, consumed } = this.#ring;
    this.#records = new RecordBlocks(produced.memory(), consumed.memory(), contents);
    this.#changes = parts.use(new InterfaceChanges());
    parts.defer(() => this.#detach());
    this.#setClock();
    this.#look();
    if (this.#isGone || !this.#seesAll) throw new Error("not all interfaces can be seen");
    this.#open = parts.move();
  }

  /**
   * Attaches to an Ethernet interface, or to all of any kind for `any`. Nothing is handed over or
   * counted before `resume`.
   *
   * @returns `undefined` where that cannot be
   */
  static open(device: string, options: TapOptions, budget: PacketBudget): InterfaceTap | undefined {
    const index = device === "any" ? 0 : interfaceIndex(device);
    if (index === 0 && device !== "any") return undefined;
    try {
      return new InterfaceTap(index, options, budget);
    } catch {
      return undefined;
    }
  }

  get descriptor(): number {
    return this.#ring.descriptor;
  }

  get blocks(): number {
    return this.#records.blocks;
  }

  /** Whether its programs are at all interfaces that it is for; asked after `renewBudget`. */
  get seesAll(): boolean {
    return this.#seesAll;
  }

  pause(): void {
    this.#budget.setOpen(false);
  }

  resume(): void {
    this.#budget.setOpen(true);
  }

  nextBlock(): PacketBlock | undefined {
    if (this.#records.open()) {
      this.#taken += this.#records.block.packets;
      return this.#records.block;
    }
    if (this.#isGone) throw new PcapError("The interface disappeared");
    return undefined;
  }

  release(): void {
    this.#records.release();
  }

  renewBudget(now: number): void {
    this.#budget.renew(now);
    if (!this.#changes.any() && now < this.#nextLook) return;
    this.#nextLook = now + LOOK_INTERVAL;
    this.#setClock();
    this.#look();
  }

  get countedOnly(): CountedOnly {
    const { packets, bytes } = this.#budget;
    return { packets, bytes: this.#index === 0 ? bytes + COOKED_HEADER * packets : bytes };
  }

  stats(): TapStats {
    this.#budget.count();
    const droppedByRing = this.#budget.lost;
    return { received: this.#taken + droppedByRing, droppedByRing };
  }

  #setClock(): void {
    const ahead = timeOfDayAhead(), change = ahead - this.#ahead;
    if (change > -CLOCK_TOLERANCE && change < CLOCK_TOLERANCE) return;
    this.#ahead = ahead;
    this.#budget.setClock(ahead);
  }

  /** Attaches to what is new, and notes what cannot be seen. */
  #look(): void {
    const all = listInterfaces();
    if (this.#index !== 0) {
      const own = all.find(({ index }) => index === this.#index);
      this.#isGone = !own;
      if (own) this.#follow([own]);
      // Only Ethernet's frames are read as such.
      if (own && !LINK_HEADER.get(own.type)) this.#seesAll = false;
      return;
    }
    const known = all.filter(({ type }) => LINK_HEADER.has(type));
    this.#follow(known);
    if (all.some(({ type, isUp }) => isUp && !LINK_HEADER.has(type))) this.#seesAll = false;
  }

  #follow(interfaces: readonly NetworkInterface[]): void {
    const present = new Set(interfaces.map(({ index }) => index));
    for (const [index, attachments] of this.#attached) {
      if (present.has(index)) continue;
      attachments.dispose();
      this.#attached.delete(index);
    }
    for (const { index, type } of interfaces) {
      if (this.#attached.has(index)) continue;
      const hasRoom = this.#attached.size < MOST_INTERFACES;
      const attachments = hasRoom ? this.#attach(index, LINK_HEADER.get(type)) : undefined;
      if (attachments) this.#attached.set(index, attachments);
      else if (listInterfaces().some((one) => one.index === index)) this.#seesAll = false;
    }
  }

  /** `undefined` where the kernel refuses, or the interface is no more. */
  #attach(index: number, linkHeader = WITHOUT_HEADER): DisposableStack | undefined {
    using attachments = new DisposableStack();
    for (const isOutgoing of [false, true]) {
      // What loopback sends arrives there, too.
      if (isOutgoing && index === this.#loopback) continue;
      const program = this.#program(linkHeader, isOutgoing);
      const direction = isOutgoing ? Direction.outgoing : Direction.incoming;
      const attachment = program && Attachment.create(program, index, direction);
      if (!attachment) return undefined;
      attachments.use(attachment);
    }
    return attachments.move();
  }

  #program(linkHeader: number, isOutgoing: boolean): Program | undefined {
    const key = `${linkHeader} ${isOutgoing}`;
    const known = this.#programs.get(key);
    if (known) return known;
    const code = interfaceProgram({
      counters: this.#budget.descriptor,
      ring: this.#ring.descriptor,
      snaplen: this.#snaplen,
      isCooked: this.#index === 0,
      isOutgoing,
      linkHeader,
    });
    const program = Program.load(ProgramKind.classifier, code);
    if (program) this.#programs.set(key, program);
    return program;
  }

  #detach(): void {
    for (const attachments of this.#attached.values()) attachments.dispose();
    for (const program of this.#programs.values()) program[Symbol.dispose]();
    this.#attached.clear();
    this.#programs.clear();
  }

  [Symbol.dispose](): void {
    this.#open.dispose();
  }
}

/** The power of two below it, for the kernel takes no other. */
function ringLength(bytes: number): number {
  return Math.max(LEAST_RING, 2 ** Math.floor(Math.log2(bytes)));
}

function needed<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("the kernel refuses");
  return part;
}
