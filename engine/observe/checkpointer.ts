/**
 * Puts the log of writes into the database without the thread that reads packets waiting for the
 * disk: SQLite's own checkpoint copies pages and waits for them in one call, 10 to 60 ms, and
 * hundreds where others use the disk too.
 *
 * Here the waiting is done elsewhere. While a reader keeps the log from being written from its
 * beginning again, and everything behind the point at which it began out of the copy:
 *
 * 1. the log up to that point is brought to the disk (another thread waits),
 * 2. its pages are copied into the file, without waiting (1 to 6 ms in this thread),
 * 3. the file is brought to the disk (another thread waits), and the reader ends.
 *
 * Whatever fails or breaks off meanwhile, the log still holds all that was copied: nothing of it is
 * given up before step 3. So a power cut costs no more than with `synchronous = NORMAL`.
 */
import { DatabaseSync } from "node:sqlite";
import { SyncedFile } from "../../ffi/synced_file.ts";

/** Bytes of the log below which it is left alone. */
const WORTH_IT = 1_000_000;

/** Works beside one writer on one file. */
export class Checkpointer {
  readonly #logPath: string;
  readonly #reader: DatabaseSync;
  readonly #copier: DatabaseSync;
  /**
   * Open as long as the writer, and never opened a second time meanwhile: closing any descriptor of
   * the file gives up every lock that SQLite holds on it for this process (POSIX;
   * sqlite.org/howtocorrupt.html, 2.2). Who looks at the file then, takes it for one that nobody has
   * open, and deletes the log.
   */
  readonly #file: SyncedFile;
  #isBusy = false;
  #isClosed = false;

  /** @throws what SQLite or the file system throws */
  constructor(path: string) {
    this.#logPath = `${path}-wal`;
    using made = new DisposableStack();
    this.#reader = made.use(new DatabaseSync(path, { readOnly: true }));
    this.#copier = made.use(new DatabaseSync(path));
    this.#copier.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -256");
    // Last, since it is not closed again where something after it fails.
    this.#file = new SyncedFile(path);
    made.move();
  }

  /**
   * Brings what the log holds now into the file, unless it is little or the last call is not done
   * yet. Never throws: a fault of the disk meets the writer too, which tells of it.
   */
  async run(): Promise<void> {
    if (this.#isBusy || this.#isClosed || logSize(this.#logPath) < WORTH_IT) return;
    this.#isBusy = true;
    try {
      this.#reader.exec("BEGIN");
      // The transaction begins where it first reads.
      this.#reader.prepare("SELECT count(*) FROM sqlite_schema").get();
      await bringToDisk(this.#logPath);
      if (this.#isClosed) return;
      this.#copier.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
      await this.#file.sync();
    } catch {
      /* as above */
    } finally {
      this.#isBusy = false;
      this.#endReading();
    }
  }

  /** Closes what is open here before, and what `closeWriter` does not know of after the writer. */
  close(closeWriter: () => void): void {
    this.#isClosed = true;
    this.#reader.close();
    this.#copier.close();
    try {
      closeWriter();
    } finally {
      this.#file.close();
    }
  }

  #endReading(): void {
    if (this.#isClosed) return;
    try {
      this.#reader.exec("ROLLBACK");
    } catch { /* it did not begin */ }
  }
}

/** Waits in another thread until the disk has the file. SQLite holds no lock on the log itself. */
async function bringToDisk(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.syncData();
}

function logSize(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
