/** What the running firewall decides by beside its configuration: threat feeds and bans. */
import { BanBook } from "./bans/ban_book.ts";
import { BanStore } from "./bans/ban_store.ts";
import { DaemonBans } from "./daemon_bans.ts";
import { lifelinesWithLogins, Protected } from "./daemon_protected.ts";
import { DaemonThreats } from "./daemon_threats.ts";
import { Detectors } from "./detect/detectors.ts";
import type { KernelGuard } from "./kernel_guard.ts";
import type { Viewers } from "./net/viewers.ts";
import type { PrefixList } from "./net/prefix_list.ts";
import type { AppLog } from "./observe/application_log.ts";
import type { EventDetails } from "./observe/event_details.ts";
import type { ParsedPacket } from "./packet/packet.ts";
import type { Paths } from "./paths.ts";
import type { Matcher } from "./policy/matcher.ts";
import type { Policy } from "./policy/policy.ts";
import type { Config } from "./policy/schema.ts";
import { configuredFeeds, settingsOf } from "./policy/settings.ts";
import { Reason } from "./policy/verdict.ts";
import type { Recorder } from "./recorder.ts";

/** Seconds between two looks at what is protected, and after which a failed change is tried again. */
const LOOK_INTERVAL = 10;

/** What it works with. */
export interface IntelParts {
  readonly paths: Paths;
  readonly log: AppLog;
  readonly details: EventDetails;
  readonly recorder: Recorder;
  readonly viewers: Viewers;
  /** Has kernel and matcher take over the threats as they are now. */
  readonly enforceThreats: () => Promise<void>;
  /** Told what people should see at once. */
  readonly notice: (text: string) => void;
  /** Told what is different now. */
  readonly changed: (what: "bans" | "feeds") => void;
}

/** Feeds, detectors and bans. */
export class DaemonIntel {
  readonly #parts: IntelParts;
  readonly #protected: Protected;
  /** What was protected when the bans were last looked through for it. */
  #released: PrefixList | undefined;
  #seconds = 0;
  readonly threats: DaemonThreats;
  detectors!: Detectors;
  /** There from `begin` on. */
  bans!: DaemonBans;

  constructor(parts: IntelParts) {
    this.#parts = parts;
    this.#protected = new Protected(lifelinesWithLogins(parts.viewers));
    this.threats = new DaemonThreats({
      ...parts,
      isProtected: () => this.#protected.lifelines(),
      enforce: parts.enforceThreats,
      changed: () => parts.changed("feeds"),
    });
  }

  /** The last good copies of the feeds are there at once; new ones come once all stands. */
  async load(config: Config): Promise<void> {
    await this.threats.load(configuredFeeds(config));
  }

  /** Takes up the bans that are still in force; `guard` is absent while only looking on. */
  begin(config: Config, matcher: Matcher, guard: KernelGuard | undefined): void {
    const { bans: settings, detection } = settingsOf(config);
    this.#protected.setWhitelist(matcher.policy.whitelist);
    this.detectors = new Detectors(detection);
    const book = new BanBook({
      settings,
      isProtected: () => this.#protected.all(),
      isPeer: (prefix, now) => matcher.isPeer(prefix, now),
      store: new BanStore(this.#parts.recorder.store),
    });
    book.load();
    this.bans = new DaemonBans({
      ...this.#parts,
      book,
      detectors: this.detectors,
      matcher,
      enforcement: guard,
      changed: () => this.#parts.changed("bans"),
    });
  }

  /** Takes over a configuration whose policy is in force; other feeds may make other threats. */
  async configure(config: Config, policy: Policy): Promise<void> {
    const { bans, detection } = settingsOf(config);
    this.#protected.setWhitelist(policy.whitelist);
    this.detectors.configure(detection);
    this.bans.configure(bans);
    await this.load(config);
  }

  /** The feed or the ban behind a verdict, as a number in `EventDetails`. */
  detailOf(reason: number, packet: ParsedPacket): number {
    return reason === Reason.ban ? this.bans.detailOf(packet) : this.threats.detailOf(packet);
  }

  /** Called every second. */
  tick(): void {
    this.bans.tick();
    if (++this.#seconds % LOOK_INTERVAL !== 0) return;
    this.threats.look();
    const isProtected = this.#protected.all();
    if (isProtected !== this.#released) this.bans.releaseProtected();
    this.#released = isProtected;
  }
}
