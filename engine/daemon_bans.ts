/** The running firewall's bans: what detectors find and people ask for, in the book and the kernel. */
import type { Ban, BanView } from "./bans/ban.ts";
import { type BanBook, viewOf } from "./bans/ban_book.ts";
import type { BanChange } from "./bans/ban_change.ts";
import { refuseProtected } from "./bans/ban_request.ts";
import { PacedLines } from "./bans/paced_lines.ts";
import type { BanControl, BanRequest, BansAnswer, UnbanRequest } from "./control/intel_control.ts";
import { type Detection, DETECTOR_TEXTS } from "./detect/detection.ts";
import type { Detectors } from "./detect/detectors.ts";
import { grouped } from "./detect/evidence_text.ts";
import { errorText, ExitCode, PfwError } from "./errors.ts";
import type { TimedPrefix } from "./kernel/ban_times.ts";
import { formatPrefix, parsePrefix, type Prefix } from "./net/address.ts";
import { PrefixList } from "./net/prefix_list.ts";
import type { AppLog } from "./observe/application_log.ts";
import type { EventDetails } from "./observe/event_details.ts";
import { Direction, type ParsedPacket } from "./packet/packet.ts";
import type { Matcher } from "./policy/matcher.ts";
import type { BanSettings } from "./policy/settings.ts";

/** Up to so many bans the matcher's table is made anew with every change: less than 3 ms. */
const COMPILED_AT_ONCE = 1_000;

/** Seconds between two looks at what had to be left out. */
const LOSS_INTERVAL = 60;

/** Where bans are enforced; absent while only looking on. */
export interface BanEnforcement {
  setBans(bans: readonly TimedPrefix[]): void;
  changeBans(add: readonly TimedPrefix[], remove: readonly Prefix[]): Promise<void>;
}

/** What it works with. */
export interface BanParts {
  readonly book: BanBook;
  readonly detectors: Detectors;
  readonly matcher: Matcher;
  readonly details: EventDetails;
  readonly log: AppLog;
  readonly enforcement?: BanEnforcement;
  /** Told who was banned, for the terminal. */
  readonly notice: (text: string) => void;
  /** Told that other addresses are banned now. */
  readonly changed?: () => void;
}

/** Acts upon detections. */
export class DaemonBans implements BanControl {
  readonly #parts: BanParts;
  readonly #detailsOf = new WeakMap<Ban, number>();
  readonly #lines: PacedLines;
  #enforcement: BanEnforcement | undefined;
  #seconds = 0;
  /** What was told of already. */
  #told = { suppressed: 0, evicted: 0 };
  /** The matcher does not have the newest bans yet. */
  #isStale = false;

  /** Takes up the bans of the book: the kernel gets them with the first policy. */
  constructor(parts: BanParts) {
    this.#parts = parts;
    this.#enforcement = parts.enforcement;
    this.#lines = new PacedLines((text) => {
      parts.log.warn(text);
      parts.notice(text);
    }, (unsaid) => `and ${grouped(unsaid)} more about bans, left out; see \`pfw bans list\``);
    this.#compile();
    parts.enforcement?.setBans(parts.book.bans());
  }

  /** Number in `EventDetails` of the cause for which this packet's other end is banned. */
  detailOf(packet: ParsedPacket): number {
    const ban = this.#find(packet);
    if (ban === undefined) return 0;
    let detail = this.#detailsOf.get(ban);
    if (detail === undefined) {
      // Not the figures of each ban: as a reason in rows they would fill tables that never shrink.
      const text = ban.cause === "manual" ? ban.reason : DETECTOR_TEXTS[ban.cause];
      detail = this.#parts.details.intern("", text);
      this.#detailsOf.set(ban, detail);
    }
    return detail;
  }

  /** Bans whom the detectors found. Called after every round of packets: cheap when none was. */
  act(): void {
    const found = this.#parts.detectors.take();
    if (found.length > 0) this.#ban(found);
  }

  /** Called every second: forgets the bans whose time is over, as the kernel does by itself. */
  tick(): void {
    const { book } = this.#parts, enforcement = this.#enforcement;
    this.#lines.tick();
    if (++this.#seconds % LOSS_INTERVAL === 0) this.#tellLosses();
    if (book.followClock()) enforcement?.setBans(book.bans());
    const over = book.expire();
    for (const { prefix } of over) this.#lines.say(`ban of ${formatPrefix(prefix)} is over`);
    if (over.length > 0 || this.#isStale) this.#compile();
  }

  /** To be called when other addresses may be protected: their automatic bans are lifted. */
  releaseProtected(): void {
    const lifted = this.#parts.book.releaseProtected();
    if (lifted.length === 0) return;
    const prefixes = lifted.map(({ prefix }) => prefix);
    for (const prefix of prefixes) {
      this.#lines.say(`lifted the ban of ${formatPrefix(prefix)}: this machine depends on it`);
    }
    this.#change([], prefixes).catch((error) => this.#repairLater("cannot lift bans", error));
  }

  /** The kernel gets the bans with the policy that it is given next; absent: nobody enforces. */
  setEnforcement(enforcement: BanEnforcement | undefined): void {
    this.#enforcement = enforcement;
    enforcement?.setBans(this.#parts.book.bans());
  }

  /** After a reload: how long bans last from now on. */
  configure(settings: BanSettings): void {
    this.#parts.book.configure(settings);
  }

  /** What is banned now. */
  get prefixes(): PrefixList {
    return this.#parts.book.list;
  }

  /** How many are banned now; those that end this very second may be among them. */
  get size(): number {
    return this.#parts.book.size;
  }

  /** The ban that holds an address. */
  covering({ family, words }: Prefix): BanView | undefined {
    const ban = this.#parts.book.find(family, ...words);
    return ban && viewOf(ban, Date.now());
  }

  list(): readonly BanView[] {
    return this.#parts.book.views();
  }

  async add(request: BanRequest): Promise<BansAnswer> {
    const { addresses, seconds, reason, force = false, session } = request;
    const prefixes = parse(addresses);
    // Another server than sshd may hold it, of which nothing else tells.
    if (session !== undefined && !force) refuseProtected(prefixes, PrefixList.parse([session]));
    const change = this.#parts.book.add(prefixes, seconds, reason, force);
    await this.#change(change.added, change.removed, change.undo);
    for (const ban of change.added) this.#lines.say(this.#text(ban));
    return { bans: change.added.map((ban) => viewOf(ban, Date.now())) };
  }

  async remove({ addresses }: UnbanRequest): Promise<BansAnswer> {
    const { removed, unknown, undo } = this.#parts.book.remove(parse(addresses));
    await this.#change([], removed.map(({ prefix }) => prefix), undo);
    for (const { prefix } of removed) this.#lines.say(`ban of ${formatPrefix(prefix)} was lifted`);
    return {
      bans: removed.map((ban) => viewOf(ban, Date.now())),
      unknown: unknown.map(formatPrefix),
    };
  }

  /** Nothing is lost in silence, not even where a flood of sources is more than can be dealt with. */
  #tellLosses(): void {
    const { book, detectors, log } = this.#parts, told = this.#told;
    const suppressed = detectors.suppressed - told.suppressed,
      evicted = book.evicted - told.evicted;
    this.#told = { suppressed: detectors.suppressed, evicted: book.evicted };
    if (suppressed > 0) {
      log.warn(
        `too many sources at once: ${grouped(suppressed)} times one was found and not banned`,
      );
    }
    if (evicted > 0) {
      log.warn(`too many bans: ${grouped(evicted)} ended early to make room for newer ones`);
    }
  }

  #find(packet: ParsedPacket): Ban | undefined {
    const { book } = this.#parts, { family } = packet;
    if (packet.direction !== Direction.outgoing) {
      const { source0, source1, source2, source3 } = packet;
      const ban = book.find(family, source0, source1, source2, source3);
      if (ban || packet.direction === Direction.incoming) return ban;
    }
    const { destination0, destination1, destination2, destination3 } = packet;
    return book.find(family, destination0, destination1, destination2, destination3);
  }

  #ban(found: readonly Detection[]): void {
    const added: Ban[] = [], removed: Prefix[] = [];
    this.#parts.book.batch(() => {
      for (const detection of found) {
        const change = this.#judge(detection);
        if (change === undefined) continue;
        added.push(change.added);
        removed.push(...change.removed);
      }
    });
    // What one detection added another of the same round may have replaced by something wider.
    const { book } = this.#parts;
    const kept = added.filter((ban) => book.get(ban.prefix) === ban);
    const gone = removed.filter((prefix) => !book.get(prefix));
    if (kept.length === 0) return;
    this.#change(kept, gone).then(
      () => kept.forEach((ban) => this.#lines.say(this.#text(ban))),
      (error) => this.#repairLater(`cannot ban ${kept.map(subject).join(", ")}`, error),
    );
  }

  #judge(detection: Detection): BanChange | undefined {
    const { book } = this.#parts;
    const source = formatPrefix(detection.source);
    if (detection.isDryRun || !this.#enforcement) {
      this.#lines.say(`would ban ${source}: ${detection.text}`);
      return undefined;
    }
    const outcome = book.offend(detection);
    if (outcome.kind === "banned") return outcome;
    if (outcome.isWorthSaying) {
      this.#lines.say(`does not ban ${source} (${outcome.why}): ${detection.text}`);
    }
    return undefined;
  }

  /** A ban in one line, which claims no more than is so. */
  #text(ban: Ban): string {
    return this.#enforcement ? banText(ban) : `${banText(ban)} (remembered, not enforced)`;
  }

  /** What the book says and the kernel did not take is put there by the next look after it. */
  #repairLater(what: string, error: unknown): void {
    const { log, book } = this.#parts;
    log.error(`${what}: ${errorText(error)}`);
    this.#enforcement?.setBans(book.bans());
  }

  /**
   * Makes matcher and kernel hold what the book says; returns when the kernel does.
   *
   * @param undo makes the book as it was, where the kernel does not take it
   */
  async #change(
    added: readonly Ban[],
    removed: readonly Prefix[],
    undo?: () => void,
  ): Promise<void> {
    if (added.length + removed.length === 0) return;
    try {
      await this.#enforcement?.changeBans(added, removed);
    } catch (error) {
      undo?.();
      throw error;
    } finally {
      // The kernel first: what it lets through meanwhile passed, and counts as such.
      this.#publish();
    }
  }

  /** The matcher follows: at once, or within a second where there is much to compile. */
  #publish(): void {
    if (this.#parts.book.size > COMPILED_AT_ONCE) this.#isStale = true;
    else this.#compile();
  }

  #compile(): void {
    this.#isStale = false;
    this.#parts.matcher.replaceBans(this.#parts.book.list);
    this.#parts.changed?.();
  }
}

function subject({ prefix }: Ban): string {
  return formatPrefix(prefix);
}

/** A ban in one line. */
function banText({ prefix, reason, since, until, offences }: Ban): string {
  const seconds = Math.round((until - since) / 1000);
  const again = offences > 1 ? `, ${offences} times by now` : "";
  return `banned ${formatPrefix(prefix)} for ${durationText(seconds)}${again}: ${reason}`;
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2 * 24 * 60
    ? `${Math.round(minutes / 60)} h`
    : `${Math.round(minutes / 1440)} d`;
}

function parse(addresses: readonly string[]): Prefix[] {
  return addresses.map((text) => {
    const prefix = parsePrefix(text);
    if (prefix) return prefix;
    const why = `${JSON.stringify(text.slice(0, 60))} is not an IP address or CIDR range`;
    throw new PfwError("cannot change the bans", why, "", ExitCode.usage);
  });
}
