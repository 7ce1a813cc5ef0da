/** `pfw logs`: rows of the database, and with `--follow` new ones as they come. */
import type { LogFilter } from "../../engine/observe/log_query.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import type { CommandContext } from "../context.ts";
import { untilInterrupted } from "../interrupt.ts";
import { useColor, writeOut } from "../output.ts";
import { terminalWidth } from "../terminal.ts";
import { type LogsOptions, parseFilter, parseFormat, parseLimit } from "./logs_filter.ts";
import { formatterOf } from "./logs_format.ts";
import { SearchProgress } from "./logs_progress.ts";
import type { RowFormatter } from "./row_formatter.ts";

/** Milliseconds between two looks at the database. */
const POLL_INTERVAL = 50;

/** Steps of up to 1,000 rows between two looks at the clock and at Ctrl-C: a flood never ends. */
const STEPS_AT_ONCE = 10;

/** Rows that are turned into text at once. */
const PAGE = 500;

/** Prints rows; returns when they are printed, or with `--follow` at Ctrl-C. */
export async function logs(context: CommandContext, options: LogsOptions): Promise<void> {
  const filter = parseFilter(options, Date.now());
  const limit = parseLimit(options.limit);
  const format = parseFormat(context, options);
  const isEndless = options.follow === true;
  const formatter = formatterOf(format, isEndless, useColor(), terminalWidth);
  if (isEndless) return await new Follower(context.paths.database, filter, formatter).run(limit);
  using reader = StoreReader.open(context.paths.database);
  const ids = reader ? findNewest(reader, filter, limit) : [];
  if (format === "table" && ids.length === 0) {
    writeOut(`${emptyText(context, filter, limit, reader)}\n`);
    return;
  }
  if (!writeOut(formatter.head())) return;
  if (reader && !printRows(reader, filter, ids, formatter)) return;
  writeOut(formatter.tail());
}

function findNewest(reader: StoreReader, filter: LogFilter, limit: number): number[] {
  using progress = new SearchProgress();
  return reader.newest(filter, limit, (part) => progress.tell(part));
}

/** Returns false once nobody reads any more (`pfw logs | head`). */
function printRows(
  reader: StoreReader,
  filter: LogFilter,
  ids: readonly number[],
  formatter: RowFormatter,
): boolean {
  for (let at = 0; at < ids.length; at += PAGE) {
    const rows = [...reader.rows(filter.table, ids.slice(at, at + PAGE))];
    if (!writeOut(formatter.rows(rows))) return false;
  }
  return true;
}

function emptyText(
  context: CommandContext,
  filter: LogFilter,
  limit: number,
  reader: StoreReader | undefined,
): string {
  const what = filter.table === "blocked" ? "blocked packets" : "sampled allowed packets";
  if (!reader) {
    return `no ${what} yet: nothing is stored in ${context.paths.dataDir}; ` +
      "start pfw with: sudo pfw start";
  }
  if (limit === 0) return "nothing to show with --limit 0";
  if (reader.lastId(filter.table) === 0) return `no ${what} yet; pfw stats shows all that was seen`;
  return `no ${what} match; pfw logs --type ${filter.table} shows the newest`;
}

/** Prints rows as they are written, also when the database appears or is replaced meanwhile. */
class Follower {
  readonly #path: string;
  readonly #filter: LogFilter;
  readonly #formatter: RowFormatter;
  #reader: StoreReader | undefined;
  #last = 0;

  constructor(path: string, filter: LogFilter, formatter: RowFormatter) {
    this.#path = path;
    this.#filter = filter;
    this.#formatter = formatter;
  }

  async run(limit: number): Promise<void> {
    this.#reader = StoreReader.open(this.#path);
    try {
      if (!writeOut(this.#formatter.head()) || !this.#printNewest(limit)) return;
      await untilInterrupted(POLL_INTERVAL, () => this.#printNew());
    } finally {
      this.#reader?.close();
    }
  }

  #printNewest(limit: number): boolean {
    if (!this.#reader) return true;
    // Before looking for rows: what is written meanwhile is found either now or next time.
    this.#last = this.#reader.lastId(this.#filter.table);
    const ids = findNewest(this.#reader, this.#filter, limit);
    this.#last = ids.reduce((last, id) => Math.max(last, id), this.#last);
    return printRows(this.#reader, this.#filter, ids, this.#formatter);
  }

  #printNew(): boolean {
    if (this.#reader && !this.#reader.isCurrent()) {
      this.#reader.close();
      this.#reader = undefined;
    }
    if (!this.#reader) {
      this.#reader = StoreReader.open(this.#path);
      this.#last = 0;
    }
    if (!this.#reader) return true;
    for (let step = 0; step < STEPS_AT_ONCE; step++) {
      const { ids, next } = this.#reader.after(this.#filter, this.#last);
      if (next === this.#last) return true;
      this.#last = next;
      if (!printRows(this.#reader, this.#filter, ids, this.#formatter)) return false;
    }
    return true;
  }
}
