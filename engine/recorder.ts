/** What a running pfw remembers: rows gather in bounded buffers and go to the database in batches. */
import { interfaceName } from "../ffi/libc.ts";
import type { AppLog } from "./observe/application_log.ts";
import { EventBuffer } from "./observe/event_buffer.ts";
import { EventDetails } from "./observe/event_details.ts";
import type { Losses } from "./observe/losses.ts";
import { type FlushResult, type Retention, Store } from "./observe/store.ts";
import type { StoreBatch } from "./observe/store.ts";
import type { Totals } from "./observe/totals.ts";

/**
 * Rows held at once, of each kind, which makes some 20,000 a second: a flood would else take much of
 * a processor to be written down, and within minutes the place of all that was stored before it.
 * Writing them blocks the loop that empties the rings, for some 15 ms when all are in use.
 */
const EVENT_ROWS = 2048;
/** Rows before equal events begin to share one. */
const OWN_ROWS = 1024;
/** Longest pause for deleting what is too old, in milliseconds. */
const PRUNE_BUDGET = 20;

/** What a recorder works with. */
export interface RecorderParts {
  readonly database: string;
  readonly retention: Retention;
  /** Whether blocked packets were dropped by the kernel, or only would have been. */
  readonly isEnforced: boolean;
  readonly details: EventDetails;
  readonly totals: Totals;
  readonly losses: Losses;
  readonly log: AppLog;
}

/** The buffers and the database behind them. */
export class Recorder implements Disposable {
  readonly blocked = new EventBuffer(EVENT_ROWS, OWN_ROWS);
  readonly allowed = new EventBuffer(EVENT_ROWS, OWN_ROWS);
  readonly #parts: RecorderParts;
  readonly #store: Store;
  #batch: StoreBatch;
  readonly #interfaceNames = new Map<number, string>();
  #hasMoreToPrune = false;

  /** @throws PfwError where the database cannot be opened */
  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#store = Store.open(parts.database, { retention: parts.retention });
    this.#say(this.#store.notices);
    this.#batch = this.#batchOf(parts.isEnforced);
  }

  /** Enforcing began or ended: what waits is written as what it was. */
  setEnforced(isEnforced: boolean): void {
    this.flush();
    this.#batch = this.#batchOf(isEnforced);
  }

  #batchOf(isEnforced: boolean): StoreBatch {
    const { totals, details } = this.#parts;
    return {
      [isEnforced ? "blocked" : "wouldBlock"]: this.blocked,
      allowed: this.allowed,
      counts: totals.hourly,
      names: { details, interfaceName: (index) => this.nameOfInterface(index) },
    };
  }

  /** The one writer of the database. */
  get store(): Store {
    return this.#store;
  }

  /** Path of the database. */
  get path(): string {
    return this.#parts.database;
  }

  /** What is wrong with the database at present; `undefined` when all is well. */
  get fault(): string | undefined {
    return this.#store.fault;
  }

  /**
   * Lets `look` see the rows that wait. Where they cannot be written they wait on, but what it saw is
   * not new the next time: see `EventBuffer.unshown`.
   */
  show(look: () => void): void {
    look();
    this.blocked.markShown();
    this.allowed.markShown();
  }

  /** Writes what waits and brings the counters of losses up to date. */
  flush(): FlushResult {
    const { losses, log } = this.#parts;
    const result = this.#store.flush(this.#batch);
    this.#say(result.notices);
    Object.assign(losses, this.#store.losses);
    losses.rowsCoalesced = this.blocked.coalesced + this.allowed.coalesced;
    losses.rowsBlurred = this.blocked.blurred + this.allowed.blurred;
    losses.logLinesLost = log.linesLost;
    return result;
  }

  /** Changes how long rows are kept. */
  setRetention(retention: Retention): void {
    this.#store.retention = retention;
  }

  /** Whether `prune` left something for the next second. */
  get hasMoreToPrune(): boolean {
    return this.#hasMoreToPrune;
  }

  /** Deletes what is too old or too much, for a bounded time. */
  prune(): void {
    const retention = this.#store.retention;
    if (!retention) return;
    const { seconds, bytes } = retention;
    const { done, notices } = this.#store.prune(seconds, bytes, PRUNE_BUDGET);
    this.#hasMoreToPrune = !done && this.#store.fault === undefined;
    this.#say(notices);
  }

  /** Puts what was written into the one file, while other work goes on; about once a second. */
  checkpoint(): void {
    void this.#store.checkpoint();
  }

  /** Interfaces come and go, and their numbers are given out again. */
  forgetInterfaceNames(): void {
    this.#interfaceNames.clear();
  }

  /** Empty where it is not known. */
  nameOfInterface(index: number): string {
    if (index === 0) return "";
    let name = this.#interfaceNames.get(index);
    if (name === undefined) {
      name = interfaceName(index);
      this.#interfaceNames.set(index, name);
    }
    return name;
  }

  #say(notices: readonly string[]): void {
    for (const notice of notices) this.#parts.log.warn(notice);
  }

  [Symbol.dispose](): void {
    this.#say(this.#store.close(this.#batch).notices);
  }
}
