/** The running firewall's threat feeds: from the cache at start, then from their publishers. */
import type { FeedSource } from "../intel/feed.ts";
import { FeedManager } from "../intel/feed_manager.ts";
import { type Listing, ThreatList } from "../intel/threat_list.ts";
import type { ThreatControl, ThreatsAnswer, UpdateRequest } from "./control/intel_control.ts";
import { errorText, ExitCode, PfwError } from "./errors.ts";
import type { Prefix } from "./net/address.ts";
import { PrefixList } from "./net/prefix_list.ts";
import type { AppLog } from "./observe/application_log.ts";
import type { EventDetails } from "./observe/event_details.ts";
import type { Store } from "./observe/store.ts";
import { type ThreatRow, ThreatTable } from "./observe/threat_table.ts";
import type { ParsedPacket } from "./packet/packet.ts";
import { feedCacheOf, type Paths } from "./paths.ts";
import { ThreatDetails } from "./threat_details.ts";

/** Milliseconds that one step of writing the threats down may take from the packets. */
const STEP_BUDGET = 8;

/** What it works with. */
export interface ThreatParts {
  readonly paths: Paths;
  readonly log: AppLog;
  readonly details: EventDetails;
  readonly isProtected: () => PrefixList;
  /** Has the kernel and the matcher take over `list`. */
  readonly enforce: () => Promise<void>;
  /** Told what became of a feed, for the terminal. */
  readonly notice: (text: string) => void;
  /** Told that something about the feeds is different. */
  readonly changed?: () => void;
}

/** As the database keeps them; made while they are read. */
function* rowsOf(threats: ThreatList): Generator<ThreatRow> {
  for (const { address, level, feed } of threats.rows()) yield { ip: address, level, source: feed };
}

/** Feeds, merged. */
export class DaemonThreats implements ThreatControl {
  readonly #parts: ThreatParts;
  readonly #manager: FeedManager;
  readonly #table = new ThreatTable();
  #merged: ThreatList = ThreatList.merge([], PrefixList.EMPTY);
  readonly #names: ThreatDetails;
  /** The list that kernel and matcher have. */
  #enforced: PrefixList | undefined;
  #fault: string | undefined;
  #changing: Promise<void> = Promise.resolve();

  constructor(parts: ThreatParts) {
    this.#parts = parts;
    this.#names = new ThreatDetails(parts.details);
    this.#manager = new FeedManager({
      cacheDir: feedCacheOf(parts.paths.dataDir),
      log: (level, text) => {
        parts.log[level](text);
        parts.notice(text);
        parts.changed?.();
      },
      onChange: () => this.#changed(),
    });
  }

  /** The prefixes of all feeds that may be applied. */
  get list(): PrefixList {
    return this.#merged.list;
  }

  /** Takes over which feeds are wanted, with their last good copies: at start and by a reload. */
  async load(feeds: readonly (FeedSource & { enabled: boolean })[]): Promise<void> {
    this.#manager.configure(feeds);
    await this.#manager.load();
    this.#merge();
  }

  /** Says that kernel and matcher have `list`, as it was when the policy was built. */
  enforced(list: PrefixList): void {
    if (list === this.#enforced && this.#fault === undefined) return;
    this.#enforced = list;
    this.#fault = undefined;
    this.#parts.changed?.();
  }

  /**
   * Notes that kernel and matcher do not have `list`: both keep the threats that they have, and `look`
   * tries it again.
   *
   * @returns why, in words
   */
  refused(error: unknown): string {
    this.#fault = errorText(error);
    this.#parts.log.error(`the kernel keeps the threats that it has: ${this.#fault}`);
    this.#parts.changed?.();
    return this.#fault;
  }

  /** Begins to fetch. */
  begin(): void {
    this.#manager.begin();
    this.#writeDown();
  }

  /** Ends what is under way. */
  stop(): Promise<void> {
    return this.#manager.stop();
  }

  /** See `ThreatDetails.detailOf`. */
  detailOf(packet: ParsedPacket): number {
    return this.#names.detailOf(packet);
  }

  /** Called now and then: other addresses may be protected, and a failed change is tried again. */
  look(): void {
    this.#merge();
    if (this.list !== this.#enforced) void this.#changed();
    else this.enforced(this.list);
  }

  /** Called often: writes threats into the database, a little at a time. */
  step(store: Store): void {
    this.#table.step(store, STEP_BUDGET);
  }

  /** Every entry of every feed that shares an address with `range`. */
  listings(range: Prefix): readonly Listing[] {
    return this.#merged.listings(range);
  }

  answer(): ThreatsAnswer {
    return {
      feeds: this.#manager.states(),
      entries: this.list.size,
      updating: this.#manager.updating,
      underWay: this.#manager.underWay,
      fault: this.#fault ?? null,
    };
  }

  beginUpdate({ names, force }: UpdateRequest): void {
    const known = this.#manager.states();
    for (const name of names ?? []) {
      const feed = known.find((one) => one.name === name);
      if (feed?.enabled) continue;
      const why = feed ? "it is switched off" : "no feed of that name is configured";
      const next = feed ? `pfw threats feeds enable "${name}"` : "see pfw threats feeds";
      throw new PfwError(`cannot update ${name}`, why, next, ExitCode.failed);
    }
    this.#manager.update(names, force).catch((error) => {
      this.#parts.log.error(`cannot update the threat feeds: ${errorText(error)}`);
    }).finally(() => this.#parts.changed?.());
    this.#parts.changed?.();
  }

  #merge(): void {
    const before = this.#merged;
    this.#merged = ThreatList.merge(this.#manager.contents(), this.#parts.isProtected(), before);
    if (this.#merged === before) return;
    this.#manager.setRefusedProtected(this.#merged.refusedProtected);
    this.#names.use(this.#merged);
  }

  /** Has the kernel take over what changed; returns when it has, or has failed to. */
  #changed(): Promise<void> {
    this.#changing = this.#changing.then(() => this.#takeOver());
    return this.#changing;
  }

  async #takeOver(): Promise<void> {
    try {
      this.#merge();
      if (this.list !== this.#enforced) await this.#parts.enforce();
      this.#writeDown();
    } catch (error) {
      this.refused(error);
    }
  }

  #writeDown(): void {
    this.#table.begin(rowsOf(this.#merged), Date.now());
  }
}
