/** One open database with its prepared statements. Throws what SQLite throws; `Store` copes. */
import type { DatabaseSync } from "node:sqlite";
import { Checkpointer } from "./checkpointer.ts";
import type { EventColumns } from "./event_columns.ts";
import { type HourlyCounts, PacketAction } from "./hourly_counts.ts";
import { Pruning, type Retention } from "./pruning.ts";
import { Rollups } from "./rollups.ts";
import { type EventNames, RowWriter, tableOf } from "./row_writer.ts";
import { pragma, transaction } from "./sqlite.ts";

/** What is to be written. The store clears what it wrote and leaves what it could not write. */
export interface StoreBatch {
  /** Drops that the kernel reported. */
  readonly blocked?: EventColumns;
  /** What would have been dropped (monitor, replay). */
  readonly wouldBlock?: EventColumns;
  /** A sample of what was allowed. */
  readonly allowed?: EventColumns;
  /** Every packet, counted. */
  readonly counts?: HourlyCounts;
  readonly names: EventNames;
}

/** The buffers of a batch with their actions, in the order of writing. */
export function buffersOf(batch: StoreBatch): { events: EventColumns; action: number }[] {
  const buffers = [
    { events: batch.blocked, action: PacketAction.blocked },
    { events: batch.wouldBlock, action: PacketAction.wouldBlock },
    { events: batch.allowed, action: PacketAction.allowed },
  ];
  return buffers.flatMap(({ events, action }) => events ? [{ events, action }] : []);
}

/** Statements over one open database. */
export class StoreSession {
  readonly #db: DatabaseSync;
  readonly #writers: Readonly<Record<"blocked" | "allowed", RowWriter>>;
  readonly #rollups: Rollups;
  readonly #pruning: Pruning;
  #checkpointer: Checkpointer | undefined;
  /** Which file was opened, to notice that somebody removed or replaced it. */
  readonly #inode: number | null;

  /** @param logPages see `StoreOptions` */
  constructor(db: DatabaseSync, private readonly path: string, logPages?: number) {
    this.#db = db;
    if (logPages !== undefined) pragma(db, `wal_autocheckpoint = ${logPages}`);
    this.#writers = {
      blocked: new RowWriter(db, "blocked"),
      allowed: new RowWriter(db, "allowed"),
    };
    this.#rollups = new Rollups(db);
    this.#pruning = new Pruning(db);
    this.#inode = Deno.statSync(path).ino;
  }

  /** Writes the whole batch in one transaction, or nothing of it. */
  write(batch: StoreBatch): void {
    transaction(this.#db, () => {
      for (const { events, action } of buffersOf(batch)) {
        this.#writers[tableOf(action)].write(events, action, batch.names);
        if (action !== PacketAction.allowed) this.#rollups.addAddresses(events, action);
      }
      if (batch.counts) this.#rollups.addCounts(batch.counts);
    });
  }

  /** Does `work` in one transaction, or nothing of it. */
  transact<T>(work: (db: DatabaseSync) => T): T {
    return transaction(this.#db, () => work(this.#db));
  }

  /** See `Pruning.run`. */
  prune(retention: Retention, now: number, budget: number): { rows: number; done: boolean } {
    return this.#pruning.run(retention, now, budget);
  }

  /** See `Checkpointer.run`; only for a session whose owner lets other work go on meanwhile. */
  async checkpoint(): Promise<void> {
    await (this.#checkpointer ??= new Checkpointer(this.path)).run();
  }

  /** Whether the file is about to grow past that size. */
  isOver(bytes: number): boolean {
    return this.#pruning.isOver(bytes);
  }

  /** Whether the path still leads to the file that was opened. */
  isInPlace(): boolean {
    try {
      return Deno.statSync(this.path).ino === this.#inode;
    } catch {
      return false;
    }
  }

  /** Puts everything into the one file and closes it. */
  close(): void {
    this.#closing(() => {
      try {
        pragma(this.#db, "wal_checkpoint(TRUNCATE)");
      } finally {
        this.#db.close();
      }
    });
  }

  /** Closes without writing to a file that cannot be trusted. */
  abandon(): void {
    try {
      this.#closing(() => this.#db.close());
    } catch {
      // Its statements and locks go with the process at the latest.
    }
  }

  #closing(close: () => void): void {
    if (this.#checkpointer) this.#checkpointer.close(close);
    else close();
  }
}
