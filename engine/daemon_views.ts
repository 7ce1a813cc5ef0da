/** What the running firewall shows beside its state: configuration, rows, sums. */
import type { PendingView } from "./control/config_edits.ts";
import { configView, type ListHead, listHead, type Overview } from "./control/overview.ts";
import type { RunningStatus } from "./control/status.ts";
import type { ViewControl } from "./control/view_routes.ts";
import type { KernelCounters } from "./kernel/counters.ts";
import type { LogFilter, LogRow } from "./observe/log_query.ts";
import type { StoredStats } from "./observe/stats_query.ts";
import { StoreReader } from "./observe/store_reader.ts";
import type { Paths } from "./paths.ts";
import type { ConfigReader } from "./policy/config_file.ts";
import { keyOfList, type ListName } from "./policy/edit_lists.ts";
import type { Config } from "./policy/schema.ts";

/** Whom it asks. */
export interface ViewParts {
  readonly paths: Paths;
  /** Reads the configuration; what has not changed is not read again. */
  readonly reader: ConfigReader;
  readonly status: () => Promise<RunningStatus>;
  /** `undefined` while nothing is enforced. */
  readonly counters: () => Promise<KernelCounters | undefined>;
  readonly pending: () => Promise<PendingView | null>;
}

/** Milliseconds in which the same answer serves all who ask. */
const FRESH = 1_000;
/** Seconds without a question after which nothing is kept for the next one. */
const KEPT = 60;

/** Reads on demand, and keeps what it read for a while. */
export class DaemonViews implements ViewControl, Disposable {
  readonly #parts: ViewParts;
  #overview: { readonly at: number; readonly answer: Promise<Overview> } | undefined;
  #summary: { readonly at: number; readonly answer: StoredStats | undefined } | undefined;
  #reader: StoreReader | undefined;
  #idle = 0;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  overview(): Promise<Overview> {
    const now = performance.now();
    if (this.#overview === undefined || now - this.#overview.at > FRESH) {
      this.#overview = { at: now, answer: this.#readOverview() };
    }
    this.#idle = 0;
    return this.#overview.answer;
  }

  summary(): StoredStats | undefined {
    const now = performance.now();
    if (this.#summary === undefined || now - this.#summary.at > FRESH) {
      this.#summary = { at: now, answer: this.#open()?.stats() };
    }
    return this.#summary.answer;
  }

  async logs(filter: LogFilter, limit: number): Promise<readonly LogRow[]> {
    const reader = this.#open();
    if (!reader) return [];
    const ids = await reader.newestInSteps(filter, limit);
    return [...reader.rows(filter.table, ids)];
  }

  async list(name: ListName, search: string, offset: number): Promise<ListHead> {
    const config = await this.#readConfig();
    return listHead(config[keyOfList(name)], search, offset);
  }

  /** What was read is out of date. */
  forget(): void {
    this.#overview = undefined;
    this.#summary = undefined;
  }

  /** Called every second. */
  tick(): void {
    if (++this.#idle !== KEPT) return;
    this.forget();
    this[Symbol.dispose]();
  }

  async #readOverview(): Promise<Overview> {
    const { status, counters, pending } = this.#parts;
    const [config, hits] = await Promise.all([this.#readConfig(), counters()]);
    return {
      status: await status(),
      config: configView(config, hits),
      pending: await pending(),
    };
  }

  async #readConfig(): Promise<Config> {
    this.#idle = 0;
    return (await this.#parts.reader.read()).config;
  }

  #open(): StoreReader | undefined {
    this.#idle = 0;
    if (this.#reader && !this.#reader.isCurrent()) this[Symbol.dispose]();
    return this.#reader ??= StoreReader.open(this.#parts.paths.database);
  }

  [Symbol.dispose](): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}
