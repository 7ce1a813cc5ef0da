/**
 * The database as the running firewall uses it. Whatever happens to the file, enforcement goes on:
 * writing never throws. What cannot be written stays in its buffers, which coalesce instead of
 * growing, and is written once the fault is over; each change of state is said once.
 */
import type { DatabaseSync } from "node:sqlite";
import { errorText, PfwError } from "../errors.ts";
import type { Retention } from "./pruning.ts";
import { type FaultKind, faultOf, faultText } from "./sqlite.ts";
import { moveAside, openDatabase, WRITE_TIMEOUT } from "./store_open.ts";
import { buffersOf, type StoreBatch, StoreSession } from "./store_session.ts";

export type { Retention } from "./pruning.ts";
export type { EventNames } from "./row_writer.ts";
export type { StoreBatch } from "./store_session.ts";

/** How a store works; all as the running firewall wants it where nothing is said. */
export interface StoreOptions {
  /** When set, every flush keeps the file within the size as it goes. */
  readonly retention?: Retention;
  /**
   * Pages of the log of writes after which a flush puts them into the file, and waits for the disk
   * meanwhile; SQLite's own number where there is none.
   */
  readonly logPages?: number;
}

/** How a flush went. */
export interface FlushResult {
  /** Whether everything in the batch is in the database now. */
  readonly ok: boolean;
  /** Rows written, and the packets they stand for. */
  readonly rows: number;
  readonly hits: number;
  readonly milliseconds: number;
  /** What the application log should say; empty unless something changed. */
  readonly notices: readonly string[];
}

/** What was not kept since the start: not written, or gone with a file that was removed. */
export interface StoreLosses {
  /** Failed attempts; nothing is lost by one. */
  readonly failedWrites: number;
  readonly rowsLost: number;
  readonly hitsLost: number;
}

/** Waiting times between attempts after a fault, in milliseconds. */
const FIRST_RETRY = 250;
const LONGEST_RETRY = 4_000;

/** A database that is damaged again this soon is not replaced again: the disk is at fault. */
const SHORTEST_LIFE = 60_000;

/** How often a look is taken whether the file is still there, in milliseconds. */
const LOOK_INTERVAL = 2_000;

/** Longest pause for deleting old rows after a flush, in milliseconds. */
const PRUNE_BUDGET = 10;

/** The one writer. */
export class Store {
  /** What happened while opening, for the application log. */
  readonly notices: readonly string[];
  /** See `StoreOptions`. */
  retention: Retention | undefined;

  readonly #logPages: number | undefined;
  #session: StoreSession | undefined;
  #replacedAt = -Infinity;
  #lookedAt = performance.now();
  /** Rows, and their packets, written since the file was last seen in its place. */
  #unsure = { rows: 0, hits: 0 };
  #fault: { readonly kind: FaultKind; readonly text: string } | undefined;
  #retryAt = 0;
  #retryDelay = FIRST_RETRY;
  #failedWrites = 0;
  #rowsLost = 0;
  #hitsLost = 0;
  #generation = 0;
  /** What `transact` had to say: it goes out with the next flush. */
  #unsaid: string[] = [];
  #isClosed = false;

  private constructor(readonly path: string, { retention, logPages }: StoreOptions) {
    const { db, notices } = openDatabase(path);
    this.#session = new StoreSession(db, path, logPages);
    this.notices = notices;
    this.retention = retention;
    this.#logPages = logPages;
  }

  /**
   * Opens the database, making or replacing it where needed.
   *
   * @throws PfwError where it cannot be opened; see `openDatabase`
   */
  static open(path: string, options: StoreOptions = {}): Store {
    return new Store(path, options);
  }

  /**
   * Writes a batch in one transaction. On success its buffers and counts are cleared; otherwise
   * they are left as they are, to be handed over again with what came meanwhile. After a fault,
   * attempts are at least 250 ms apart, growing to 4 s. Never throws.
   */
  flush(batch: StoreBatch): FlushResult {
    const start = performance.now();
    const notices = this.#takeUnsaid();
    if (start < this.#retryAt) {
      return { ok: false, rows: 0, hits: 0, milliseconds: 0, notices };
    }
    const { rows, hits } = sizeOf(batch);
    const ok = this.#attempt(notices, (session) => session.write(batch));
    if (ok) {
      this.#unsure.rows += rows;
      this.#unsure.hits += hits;
      clear(batch);
      this.#makeRoom(notices);
    }
    const milliseconds = performance.now() - start;
    return { ok, rows: ok ? rows : 0, hits: ok ? hits : 0, milliseconds, notices };
  }

  /**
   * Does `work` in one write transaction. As with `flush`, a fault is noted, said with the next
   * flush and followed by a pause. `work` may run twice: again on a fresh file where the first was
   * found damaged. Never throws.
   *
   * @returns what `work` returned, once that is committed; `undefined` where it could not be done
   */
  transact<T>(work: (db: DatabaseSync) => T): T | undefined {
    if (this.#isClosed || performance.now() < this.#retryAt) return undefined;
    let result: T | undefined;
    const ok = this.#attempt(this.#unsaid, (session) => {
      result = session.transact(work);
    });
    return ok ? result : undefined;
  }

  /**
   * Another number whenever the database was opened again, maybe as a fresh file: whoever keeps
   * something in it must see whether it is still there.
   */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Deletes the oldest rows until age and size are kept, for about `budget` milliseconds.
   *
   * @returns rows deleted, whether all is done, and notices for the application log
   */
  prune(
    retentionSeconds: number,
    maxBytes: number,
    budget = Infinity,
  ): { rows: number; done: boolean; notices: readonly string[] } {
    const notices = this.#takeUnsaid();
    let result = { rows: 0, done: false };
    this.#attempt(notices, (session) => {
      const retention = { seconds: retentionSeconds, bytes: maxBytes };
      result = session.prune(retention, Date.now(), budget);
    });
    return { ...result, notices };
  }

  /**
   * Puts what was written into the one file, while other work goes on; for whoever runs long, about
   * once a second. Without it SQLite does the same within a flush now and then. Never throws.
   */
  async checkpoint(): Promise<void> {
    if (this.#fault) return;
    try {
      await this.#session?.checkpoint();
    } catch {
      // What is wrong with the file, the next flush meets too, and says.
    }
  }

  /** What is wrong with the database at present, in words; `undefined` when all is well. */
  get fault(): string | undefined {
    return this.#fault?.text;
  }

  /** Counters since the start. */
  get losses(): StoreLosses {
    return {
      failedWrites: this.#failedWrites,
      rowsLost: this.#rowsLost,
      hitsLost: this.#hitsLost,
    };
  }

  /**
   * Writes what is left, puts everything into the one file and closes it. What cannot be written
   * even now is counted as lost and said. Never throws.
   */
  close(batch?: StoreBatch): { notices: readonly string[] } {
    const notices = this.#takeUnsaid();
    this.#isClosed = true;
    // Its last rows may have gone with it, and there is no later look.
    this.#lookedAt = -Infinity;
    if (batch) this.#writeLast(batch, notices);
    try {
      this.#session?.close();
    } catch (error) {
      notices.push(`database ${this.path} was not closed cleanly: ${errorText(error)}`);
    }
    this.#session = undefined;
    return { notices };
  }

  #takeUnsaid(): string[] {
    const notices = this.#unsaid;
    this.#unsaid = [];
    return notices;
  }

  #writeLast(batch: StoreBatch, notices: string[]): void {
    const { rows, hits } = sizeOf(batch);
    this.#retryAt = 0;
    if (this.#attempt(notices, (session) => session.write(batch))) return clear(batch);
    this.#rowsLost += rows;
    this.#hitsLost += hits;
    if (rows > 0) notices.push(`lost ${rows} rows (${hits} packets) that could not be written`);
  }

  #makeRoom(notices: string[]): void {
    const retention = this.retention;
    if (!retention) return;
    this.#attempt(notices, (session) => {
      if (session.isOver(retention.bytes)) session.prune(retention, Date.now(), PRUNE_BUDGET);
    });
  }

  /** Does `work` on a database that is in place; on an error notes the fault and returns false. */
  #attempt(notices: string[], work: (session: StoreSession) => void): boolean {
    try {
      work(this.#inPlace(notices));
      this.#recovered(notices);
      return true;
    } catch (error) {
      if (faultOf(error) === "corrupt" && this.#replaceDamaged(notices)) {
        return this.#attempt(notices, work);
      }
      this.#failed(error, notices);
      return false;
    }
  }

  /** The session, on a new file where somebody removed the one it had. */
  #inPlace(notices: string[]): StoreSession {
    this.#lookForFile(notices);
    return this.#session ?? this.#reopen(notices);
  }

  /** Now and then looks whether the file is in place, and gives it up where it is not. */
  #lookForFile(notices: string[]): void {
    const now = performance.now();
    if (!this.#session || now - this.#lookedAt < LOOK_INTERVAL) return;
    this.#lookedAt = now;
    if (this.#session.isInPlace()) {
      this.#unsure = { rows: 0, hits: 0 };
      return;
    }
    const { rows, hits } = this.#unsure;
    this.#abandon();
    this.#rowsLost += rows;
    this.#hitsLost += hits;
    notices.push(`database ${this.path} was removed or replaced: opened it anew`);
    if (rows === 0) return;
    notices.push(
      `lost ${rows} rows (${hits} packets) written after the file was last seen in place`,
    );
  }

  #reopen(notices: string[]): StoreSession {
    const { db, notices: opened } = openDatabase(this.path, WRITE_TIMEOUT);
    notices.push(...opened);
    this.#generation++;
    return this.#session = new StoreSession(db, this.path, this.#logPages);
  }

  /** Whether a damaged file was moved aside, so that another attempt makes sense. */
  #replaceDamaged(notices: string[]): boolean {
    if (performance.now() - this.#replacedAt < SHORTEST_LIFE) return false;
    this.#replacedAt = performance.now();
    this.#abandon();
    try {
      const aside = moveAside(this.path, "corrupt");
      notices.push(`database ${this.path} is damaged: moved to ${aside}, started a fresh one`);
      return true;
    } catch {
      return false;
    }
  }

  #failed(error: unknown, notices: string[]): void {
    this.#failedWrites++;
    this.#retryAt = performance.now() + this.#retryDelay;
    this.#retryDelay = Math.min(2 * this.#retryDelay, LONGEST_RETRY);
    const kind = faultOf(error instanceof PfwError ? error.cause : error);
    // A connection whose file became unusable may stay so when the file is well again.
    if (kind !== "locked" && kind !== "full") this.#abandon();
    if (kind === this.#fault?.kind) return;
    const text = error instanceof PfwError ? error.why : faultText(kind, error);
    this.#fault = { kind, text };
    notices.push(`cannot write to database ${this.path}: ${text}; rows wait in memory`);
  }

  #recovered(notices: string[]): void {
    this.#retryDelay = FIRST_RETRY;
    if (this.#fault) notices.push(`database ${this.path} can be written again`);
    this.#fault = undefined;
  }

  #abandon(): void {
    this.#session?.abandon();
    this.#session = undefined;
    this.#unsure = { rows: 0, hits: 0 };
  }
}

function sizeOf(batch: StoreBatch): { rows: number; hits: number } {
  let rows = 0, hits = 0;
  for (const { events } of buffersOf(batch)) {
    rows += events.count;
    hits += events.hits;
  }
  return { rows, hits };
}

function clear(batch: StoreBatch): void {
  for (const { events } of buffersOf(batch)) events.clear();
  batch.counts?.clear();
}
