/**
 * The database of a replay, which another thread writes (`replay_store_thread.ts`): judging packets
 * and writing rows then go on at the same time. Batches are handed over whole, few of them wait, and
 * each is answered once it is committed.
 */
import { extname } from "node:path";
import { type ExitCode, PfwError } from "./errors.ts";
import type { EventColumns, PackedRows } from "./observe/event_columns.ts";
import type { EventDetail, EventDetails } from "./observe/event_details.ts";
import type { HourlyCells, HourlyCounts } from "./observe/hourly_counts.ts";

/** What a replay found since the batch before. */
export interface ReplayBatch {
  readonly wouldBlock: EventColumns;
  readonly allowed: EventColumns;
  /** Starts from zero again once it is handed over. */
  readonly counts: HourlyCounts;
  /** What the rows refer to: always the same object. */
  readonly details: EventDetails;
}

/** What the thread is told. */
export type StoreOrder =
  | { readonly kind: "open"; readonly path: string }
  | {
    readonly kind: "write";
    readonly wouldBlock: PackedRows;
    readonly allowed: PackedRows;
    readonly counts: HourlyCells;
    /** Those that it was not told of before. */
    readonly details: readonly EventDetail[];
  }
  | { readonly kind: "close" };

/** What the thread answers to each order, in their order. */
export interface StoreAnswer {
  /** What people should know. */
  readonly notices: readonly string[];
  /** Why the database cannot be opened: the parts of a `PfwError`. */
  readonly refusal?: Refusal;
  readonly lost?: RowsLost;
}

/** The parts of a `PfwError`; a message between threads would leave only its text. */
export interface Refusal {
  readonly what: string;
  readonly why: string;
  readonly next: string;
  readonly exitCode: ExitCode;
}

/** Rows that could not be written, and the packets they stand for. */
export interface RowsLost {
  readonly rows: number;
  readonly hits: number;
  readonly why: string;
}

/**
 * Batches that are not committed when another one waits for the first of them: one is written while
 * the others lie ready, so that a slow one, as the thread's first are, holds nobody up.
 */
const MOST_WAITING = 6;

/** The sources have it as they are, a built program beside itself. */
const THREAD = new URL(`./replay_store_thread${extname(import.meta.url)}`, import.meta.url);

/** Hands rows to the thread. */
export class ReplayStore {
  /** What people should know, in order. */
  readonly notices: string[] = [];
  readonly #thread = new Worker(THREAD, { type: "module" });
  /** Waits for an answer each; the first is answered first. */
  readonly #asked: ((answer: StoreAnswer) => void)[] = [];
  readonly #waiting: Promise<void>[] = [];
  #detailsTold = 0;
  #lost: RowsLost | undefined;
  #failure: PfwError | undefined;

  private constructor(readonly path: string) {
    this.#thread.onmessage = ({ data }: MessageEvent<StoreAnswer>) => this.#asked.shift()?.(data);
    this.#thread.onerror = (event) => {
      event.preventDefault();
      this.#failure = new PfwError(`cannot write to database ${path}`, event.message);
      for (const answer of this.#asked.splice(0)) answer({ notices: [] });
    };
  }

  /**
   * Opens the database, making or replacing it where needed.
   *
   * @throws PfwError where it cannot be opened; see `openDatabase`
   */
  static async open(path: string): Promise<ReplayStore> {
    const store = new ReplayStore(path);
    try {
      await store.#tell({ kind: "open", path });
    } catch (error) {
      store.#thread.terminate();
      throw error;
    }
    return store;
  }

  /** The rows that could not be written; `undefined` where there are none. */
  get lost(): RowsLost | undefined {
    return this.#lost;
  }

  /**
   * Hands a copy of the batch over; waits where six batches are not written yet.
   *
   * @throws PfwError where the thread ended
   */
  async write({ wouldBlock, allowed, counts, details }: ReplayBatch): Promise<void> {
    if (this.#waiting.length >= MOST_WAITING) await this.#waiting.shift();
    const order = {
      kind: "write",
      wouldBlock: wouldBlock.pack(),
      allowed: allowed.pack(),
      counts: counts.take(),
      details: details.from(this.#detailsTold),
    } satisfies StoreOrder;
    this.#detailsTold = details.count;
    const written = this.#tell(order, [order.wouldBlock.memory, order.allowed.memory]);
    // Whoever waits for it is told; until then it is no error that nobody looks after.
    written.catch(() => {});
    this.#waiting.push(written);
  }

  /**
   * Waits until everything that was handed over is committed.
   *
   * @throws PfwError where the thread ended
   */
  async settle(): Promise<void> {
    for (const written of this.#waiting.splice(0)) await written;
  }

  /** Puts everything into the one file and ends the thread. Never throws. */
  async close(): Promise<void> {
    try {
      await this.#tell({ kind: "close" });
    } catch {
      // It ended before, and whoever waited for it was told.
    }
    this.#thread.terminate();
  }

  async #tell(order: StoreOrder, handed: Transferable[] = []): Promise<void> {
    if (this.#failure) throw this.#failure;
    const { notices, refusal, lost } = await new Promise<StoreAnswer>((resolve) => {
      this.#asked.push(resolve);
      this.#thread.postMessage(order, handed);
    });
    if (this.#failure) throw this.#failure;
    this.notices.push(...notices);
    if (refusal) {
      throw new PfwError(refusal.what, refusal.why, refusal.next, refusal.exitCode);
    }
    if (lost) this.#addLost(lost);
  }

  #addLost({ rows, hits, why }: RowsLost): void {
    const before = this.#lost ?? { rows: 0, hits: 0, why };
    this.#lost = { ...before, rows: before.rows + rows, hits: before.hits + hits };
  }
}
