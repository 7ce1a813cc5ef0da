/**
 * Packets that programs at the interfaces hand over. Of a packet that is only counted nobody makes a
 * reference or a copy, so it costs a fraction of what a packet socket's filter does.
 *
 * Interfaces that come later are found by `renewBudget`; what they carried before is not counted.
 */
import { Program, ProgramKind, RingMap } from "./bpf.ts";
import { interfaceProgram, MOST_KEPT } from "./budget_program.ts";
import { timeOfDayAhead } from "./clock.ts";
import { InterfacePrograms, interfacesToSee } from "./interface_programs.ts";
import { InterfaceChanges, listInterfaces, type NetworkInterface } from "./interfaces.ts";
import { interfaceIndex, interfaceName } from "./libc.ts";
import { COOKED_HEADER, type PacketBlock } from "./packet_block.ts";
import { PcapError } from "./pcap.ts";
import { RecordBlocks } from "./record_blocks.ts";
import { type PacketBudget, TapBudget } from "./tap_budget.ts";
import type { CountedOnly, TapOptions, TapSource, TapStats } from "./tap_source.ts";

/** Bytes. */
const LEAST_RING = 1 << 16;

/** Milliseconds between two looks at all interfaces, for a change that was not told; and after a failure. */
const LOOK_INTERVAL = 5000, RETRY_INTERVAL = 1000;

/** By how many nanoseconds the time of day is set before packets are told so. */
const CLOCK_TOLERANCE = 2_000_000n;

/** Programs at one interface or at all of them, and their ring. */
export class InterfaceTap implements TapSource {
  readonly #index: number;
  readonly #snaplen: number;
  readonly #open = new DisposableStack();
  readonly #ring: RingMap;
  readonly #records: RecordBlocks;
  readonly #budget: TapBudget;
  readonly #changes: InterfaceChanges;
  readonly #programs = new Map<string, Program>();
  readonly #interfaces = new InterfacePrograms((linkHeader, isOutgoing) =>
    this.#program(linkHeader, isOutgoing)
  );
  #following: Promise<void> | undefined;
  #nextLook = 0;
  #ahead = 0n;
  #handedOver = 0;
  #isDisposed = false;
  #isGone = false;
  #seesAll = true;

  /** @throws Error where the kernel has no such thing or this process may not */
  private constructor(index: number, { snaplen, ringBytes }: TapOptions, budget: PacketBudget) {
    this.#index = index;
    this.#snaplen = Math.min(snaplen, MOST_KEPT);
    using parts = new DisposableStack();
    this.#budget = parts.use(needed(TapBudget.create(budget)));
    this.#ring = parts.use(needed(RingMap.create(ringLength(ringBytes))));
    const { produced, consumed, dataAt } = this.#ring;
    this.#records = new RecordBlocks(
      { produced: produced.memory(), consumed: consumed.memory(), dataAt },
      { isCooked: index === 0, loopback: interfaceIndex("lo") },
    );
    this.#changes = parts.use(new InterfaceChanges());
    this.#setClock();
    this.#open = parts.move();
  }

  /**
   * Attaches to an Ethernet interface, or to all of any kind for `any`. Nothing is handed over or
   * counted before `resume`.
   *
   * @returns `undefined` where not all of that could be seen
   * @throws Error where the kernel has no such thing or this process may not
   */
  static async open(
    device: string,
    options: TapOptions,
    budget: PacketBudget,
  ): Promise<InterfaceTap | undefined> {
    const index = device === "any" ? 0 : interfaceIndex(device);
    if (index === 0 && device !== "any") return undefined;
    const interfaces = interfacesToSee(index, listInterfaces());
    if (!interfaces) return undefined;
    using parts = new DisposableStack();
    const tap = parts.use(new InterfaceTap(index, options, budget));
    await tap.#interfaces.follow(interfaces);
    parts.move();
    return tap;
  }

  get descriptor(): number {
    return this.#ring.descriptor;
  }

  get blocks(): number {
    return this.#records.blocks;
  }

  /** Whether its programs are, or will soon be, at all interfaces that it is for. */
  get seesAll(): boolean {
    return this.#seesAll;
  }

  pause(): void {
    this.#budget.setOpen(false);
    this.#records.lookAgain();
  }

  resume(): void {
    this.#budget.setOpen(true);
  }

  nextBlock(): PacketBlock | undefined {
    if (this.#isDisposed) return undefined;
    if (this.#records.open()) {
      this.#handedOver += this.#records.block.packets;
      return this.#records.block;
    }
    if (this.#isGone) throw new PcapError("The interface disappeared");
    return undefined;
  }

  release(): void {
    if (!this.#isDisposed) this.#records.release();
  }

  renewBudget(now: number): void {
    this.#budget.renew(now);
    this.#setClock();
    this.#records.lookAgain();
    if (this.#following || (!this.#changes.any() && now < this.#nextLook)) return;
    this.#nextLook = now + (this.#look() ? LOOK_INTERVAL : RETRY_INTERVAL);
  }

  get countedOnly(): CountedOnly {
    const { packets, bytes } = this.#budget;
    return { packets, bytes: this.#index === 0 ? bytes + COOKED_HEADER * packets : bytes };
  }

  stats(): TapStats {
    this.#budget.count();
    const droppedByRing = this.#budget.lost;
    return { received: this.#handedOver + droppedByRing, droppedByRing };
  }

  #setClock(): void {
    const ahead = timeOfDayAhead(), change = ahead - this.#ahead;
    if (change > -CLOCK_TOLERANCE && change < CLOCK_TOLERANCE) return;
    this.#ahead = ahead;
    this.#budget.setClock(ahead);
  }

  /** Begins to attach to what is new, and notes what cannot be seen. @returns whether it was told */
  #look(): boolean {
    if (this.#index !== 0) this.#isGone = interfaceName(this.#index) === "";
    let interfaces;
    try {
      interfaces = interfacesToSee(this.#index, listInterfaces());
    } catch {
      // As it is, it goes on; the next look may know more.
      return false;
    }
    if (interfaces) this.#following = this.#follow(interfaces);
    else this.#seesAll = false;
    return true;
  }

  async #follow(interfaces: readonly NetworkInterface[]): Promise<void> {
    try {
      await this.#interfaces.follow(interfaces);
    } catch {
      this.#seesAll = false;
    }
    this.#following = undefined;
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
    if (program) this.#programs.set(key, this.#open.use(program));
    return program;
  }

  /** The kernel lets go of the interfaces, and of the memory, a little later. */
  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#budget.setOpen(false);
    this.#end();
  }

  async #end(): Promise<void> {
    await this.#interfaces.close();
    // A thread may be using a program's descriptor yet.
    await this.#following;
    this.#open.dispose();
  }
}

/** The power of two below it, for the kernel takes no other. */
export function ringLength(bytes: number): number {
  return Math.max(LEAST_RING, 2 ** Math.floor(Math.log2(bytes)));
}

function needed<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("the kernel refuses");
  return part;
}
