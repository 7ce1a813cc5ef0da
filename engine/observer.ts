/**
 * The loop that empties the devices, hands batches to the pipeline and rows to the database. One
 * thread: it yields between rounds, so the control socket is answered under any load.
 */
import { pollReadable } from "../ffi/libc.ts";
import { RecordBuffer } from "../ffi/record_buffer.ts";
import { type CaptureDevice, RECORD_BUFFER_BYTES } from "./capture.ts";
import type { Losses } from "./observe/losses.ts";
import type { FlushResult } from "./observe/store.ts";
import type { Pipeline } from "./pipeline.ts";

/** What the loop calls back for. */
export interface ObserverHooks {
  /** After every look at the devices: what cannot wait for a write, and costs next to nothing. */
  afterRound?(): void;
  /** Before the rows are written: they can still be looked at. */
  beforeFlush?(): void;
  /** Writes the rows that wait. */
  flush(): FlushResult | undefined;
  /** About once a second. */
  tick?(): void;
}

/** Milliseconds between two writes: a row is durable at most this much after its packet. */
const FLUSH_INTERVAL = 100;
const TICK_INTERVAL = 1000;
/** Longest time without looking at the clock while packets keep coming, in milliseconds. */
const ROUND_BUDGET = 20;
/** Pause while packets keep coming: the rings fill meanwhile, and a wake-up is worth its cost. */
const BUSY_PAUSE = 20;
/** The same where a round found an eighth of a ring filled: it would not hold much more. */
const SHORT_PAUSE = 1;
/** Least time between two rounds that add to the taps' budgets: most rounds, but for hasty ones. */
const BUDGET_INTERVAL = 15;
/** Rounds that find nothing before the loop sleeps until something comes, which costs a thread's hop. */
const QUIET_ROUNDS = 2;
/** Longest sleep while nothing comes. */
const IDLE_POLL = 100;

/** Watches devices until it is stopped. */
export class Observer implements Disposable {
  readonly #buffer = new RecordBuffer(RECORD_BUFFER_BYTES);
  readonly #devices: readonly CaptureDevice[];
  readonly #pipeline: Pipeline;
  readonly #losses: Losses;
  readonly #hooks: ObserverHooks;
  #nextFlush = 0;
  #nextTick = 0;
  #nextBudget = 0;
  #stopped = false;
  #waiting: Promise<void> | undefined;
  /** Whether the last round found a device well filled. */
  #isPressed = false;

  constructor(
    devices: readonly CaptureDevice[],
    pipeline: Pipeline,
    losses: Losses,
    hooks: ObserverHooks,
  ) {
    this.#devices = devices;
    this.#pipeline = pipeline;
    this.#losses = losses;
    this.#hooks = hooks;
  }

  /** Runs until `stop` is called. */
  async run(): Promise<void> {
    let quiet = 0;
    while (!this.#stopped) {
      quiet = this.#round() > 0 ? 0 : quiet + 1;
      this.#hooks.afterRound?.();
      this.#keepTime();
      if (quiet < QUIET_ROUNDS) await pause(this.#isPressed ? SHORT_PAUSE : BUSY_PAUSE);
      else await this.#wait(IDLE_POLL);
    }
  }

  /** Ends `run` after its present round. */
  stop(): void {
    this.#stopped = true;
  }

  /** Goes on reading for that long, to take in what is still on its way. */
  async drain(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      if (this.#round() > 0) await pause(SHORT_PAUSE);
      else await this.#wait(Math.max(1, end - performance.now()));
    }
    this.#renewBudgets(performance.now());
    this.#flush();
  }

  /** Brings the counters of losses up to date. */
  countLosses(): void {
    let ring = 0, device = 0, records = 0, counted = 0;
    for (const one of this.#devices) {
      const counters = one.counters();
      records += counters.recordsLost;
      counted += counters.countedOnly;
      // The kernel's counters of drops tell what an NFLOG group lost; pcap_stats does not.
      if (one.isNflog) continue;
      ring += counters.droppedByRing;
      device += counters.droppedByInterface;
    }
    this.#losses.ringDrops = ring;
    this.#losses.interfaceDrops = device;
    this.#losses.captureRecordsLost = records;
    this.#losses.countedOnly = counted;
  }

  /** Empties every device, for a bounded time. Returns the records taken. */
  #round(): number {
    const start = performance.now();
    let records = 0;
    this.#isPressed = false;
    for (const device of this.#devices) {
      const deadline = start + ROUND_BUDGET;
      let taken = this.#take(device, start), takes = 0;
      while (taken > 0) {
        records += taken;
        if (++takes > device.easyTakes) this.#isPressed = true;
        if (performance.now() > deadline) break;
        taken = this.#take(device, start);
      }
    }
    if (start >= this.#nextBudget) this.#renewBudgets(start);
    return records;
  }

  /** Those packets that were handed over are judged by now: they tell what the others were. */
  #renewBudgets(now: number): void {
    this.#nextBudget = now + BUDGET_INTERVAL;
    for (const device of this.#devices) {
      const { packets, bytes } = device.renewBudget(now);
      if (packets > 0) this.#pipeline.countOnly(packets, bytes);
    }
  }

  #take(device: CaptureDevice, now: number): number {
    if (device.hasRing) return this.#takeBlock(device, now);
    const length = device.read(this.#buffer, now);
    if (length === 0) return 0;
    const records = device.isNflog
      ? this.#pipeline.readNflog(this.#buffer, length)
      : this.#pipeline.readTap(this.#buffer, length, device.linkType, device.interfaceIndex);
    device.account(records);
    return records;
  }

  #takeBlock(device: CaptureDevice, now: number): number {
    const block = device.nextBlock(now);
    if (!block) return 0;
    const packets = this.#pipeline.readBlock(block, device.interfaceIndex);
    device.release(block, packets);
    return packets;
  }

  #keepTime(): void {
    const now = performance.now();
    if (now >= this.#nextFlush) {
      this.#nextFlush = now + FLUSH_INTERVAL;
      this.#flush();
    }
    if (now >= this.#nextTick) {
      this.#nextTick = now + TICK_INTERVAL;
      this.countLosses();
      this.#hooks.tick?.();
    }
  }

  #flush(): void {
    this.#hooks.beforeFlush?.();
    this.#hooks.flush();
  }

  async #wait(milliseconds: number): Promise<void> {
    const descriptors = this.#devices.map((device) => device.descriptor);
    await (this.#waiting = pollReadable(descriptors, milliseconds));
  }

  /** Ends when a device that was closed is so for the kernel, too: while it is waited for, it is not. */
  async released(): Promise<void> {
    await this.#waiting;
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#buffer[Symbol.dispose]();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
