/** A packet socket whose packets are read in its ring, where the kernel puts them. */
import { interfaceIndex, interfaceName } from "./libc.ts";
import { Program, ProgramKind } from "./bpf.ts";
import { socketProgram } from "./budget_program.ts";
import { PcapError } from "./pcap.ts";
import { NETWORK_DOWN, PacketSocket, type RingShape } from "./packet_socket.ts";
import { COOKED_HEADER, type PacketBlock } from "./packet_block.ts";
import { RingBlocks } from "./ring_blocks.ts";
import { type PacketBudget, TapBudget } from "./tap_budget.ts";
import type { CountedOnly, TapOptions, TapSource, TapStats } from "./tap_source.ts";

const NONE: CountedOnly = { packets: 0, bytes: 0 };

/** Longest time that a packet waits in a block that is not full, in milliseconds. */
const RETIRE_TIMEOUT = 10;
/** Large, so that a block is worth its handling; a small ring gets more of smaller ones. */
const BLOCK_BYTES = 1 << 18, SMALL_BLOCK_BYTES = 1 << 16;
const FEWEST_BLOCKS = 8;

/** A packet socket, its ring, and its counters. */
export class PacketRing implements TapSource {
  readonly blocks: number;
  readonly #socket: PacketSocket;
  readonly #index: number;
  readonly #snaplen: number;
  #budget: TapBudget | undefined;
  #earlier = NONE;
  #memory: RingBlocks | undefined;
  #received = 0;
  #dropped = 0;
  /** Whether a block was there when one was asked for last. */
  #isBusy = false;

  private constructor(device: string, socket: PacketSocket, shape: RingShape, snaplen: number) {
    this.#snaplen = snaplen;
    this.blocks = shape.blocks;
    this.#socket = socket;
    this.#index = device === "any" ? 0 : interfaceIndex(device);
    this.#memory = new RingBlocks(socket.memory(), {
      blockBytes: shape.blockBytes,
      isCooked: this.#index === 0,
      loopback: interfaceIndex("lo"),
    });
  }

  /**
   * Opens an Ethernet interface or `any`.
   *
   * @param isPaused whether it begins as after `pause`; then the interface may be down
   * @returns `undefined` where only libpcap can, or can say why not
   */
  static open(
    device: string,
    { snaplen, ringBytes }: TapOptions,
    isPaused = false,
  ): PacketRing | undefined {
    const shape = shapeOf(ringBytes), kept = isPaused ? 0 : snaplen;
    const timing = { timeout: RETIRE_TIMEOUT, mayBeDown: isPaused };
    const socket = PacketSocket.open(device, { ...shape, ...timing, snaplen: kept });
    return socket && new PacketRing(device, socket, shape, snaplen);
  }

  get descriptor(): number {
    return this.#socket.descriptor;
  }

  nextBlock(): PacketBlock | undefined {
    const wasBusy = this.#isBusy;
    this.#isBusy = this.#memory?.open() ?? false;
    if (this.#isBusy) return this.#memory?.block;
    // While packets come nothing is wrong, and asking is a system call.
    if (wasBusy) return undefined;
    const error = this.#socket.error();
    // An interface that is down only waits: the kernel goes on with the socket once it is up.
    if (error === 0 || (error === NETWORK_DOWN && this.#exists())) return undefined;
    throw new PcapError(error === NETWORK_DOWN ? "The interface disappeared" : `errno ${error}`);
  }

  release(): void {
    this.#memory?.release();
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
    using parts = new DisposableStack();
    const budget = parts.use(TapBudget.create(packets));
    if (!budget) return false;
    const code = socketProgram({
      counters: budget.descriptor,
      snaplen: this.#snaplen,
      isCooked: this.#index === 0,
      loopback: interfaceIndex("lo"),
    });
    // The socket keeps it.
    using program = Program.load(ProgramKind.socketFilter, code);
    if (!program || !this.#socket.takeBy(program.descriptor)) return false;
    this.#dropBudget();
    this.#budget = budget;
    parts.move();
    return true;
  }

  /** From now on every packet is handed over. */
  endBudget(): void {
    if (this.#budget && this.#socket.takeEvery(this.#snaplen)) this.#dropBudget();
  }

  renewBudget(now: number): void {
    this.#budget?.renew(now);
  }

  pause(): void {
    this.#socket.takeEvery(0);
  }

  resume(): void {
    this.#socket.takeEvery(this.#snaplen);
  }

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

  stats(): TapStats {
    const { packets, drops } = this.#socket.statistics();
    this.#received += packets;
    this.#dropped += drops;
    this.#budget?.count();
    return { received: this.#received, droppedByRing: this.#dropped };
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
