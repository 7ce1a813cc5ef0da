/** Changes bans while no pfw runs: they are in force from the next start on. */
import { PfwError } from "../errors.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import { Store } from "../observe/store.ts";
import { StoreReader } from "../observe/store_reader.ts";
import type { BanSettings } from "../policy/settings.ts";
import type { BanView } from "./ban.ts";
import { BanBook } from "./ban_book.ts";
import { BanStore } from "./ban_store.ts";
import { viewsOf } from "./stored_ban.ts";

/** What the book needs to know. */
export interface OfflineParts {
  readonly settings: BanSettings;
  /** The whitelist, and what the machine and its operator depend on. */
  readonly isProtected: () => PrefixList;
}

/**
 * Opens the ban book of a database, does `change` and writes what it comes to. Nobody else may have
 * the database open for writing: the caller makes sure that no pfw runs.
 *
 * @throws PfwError where the database cannot be opened or written, and what `change` throws
 */
export function changeOfflineBans<T>(
  path: string,
  parts: OfflineParts,
  change: (book: BanBook) => T,
): T {
  const store = Store.open(path);
  try {
    const book = new BanBook({ ...parts, store: new BanStore(store) });
    book.load();
    const result = change(book);
    if (!book.save()) {
      const why = store.fault ?? "the database cannot be written";
      throw new PfwError(`cannot write bans to ${path}`, why, "try again");
    }
    return result;
  } finally {
    store.close();
  }
}

/**
 * The bans that a database holds, oldest first; none where there is no database.
 *
 * @throws PfwError where it cannot be read
 */
export function offlineBans(path: string, now: number = Date.now()): BanView[] {
  using reader = StoreReader.open(path);
  return reader ? viewsOf(reader.bans(now), now) : [];
}
