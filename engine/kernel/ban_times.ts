/** Which prefixes are banned until when, as entries of the kernel's sets. */
import { type Family, formatPrefix, type Prefix } from "../net/address.ts";
import { entryTexts, netEntries, type SetPlan } from "./plan.ts";

/** One timed block. */
export interface TimedPrefix {
  readonly prefix: Prefix;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Bans at once. A set of so many IPv4 addresses takes 3 MB of the kernel. */
export const MAX_BANS = 65_536;

/** The longest timeout that ipset takes, in seconds (ipset(8), timeout): almost 25 days. */
export const LONGEST_TIMEOUT = 2_147_483;

/**
 * Milliseconds by which the kernel may forget an entry before or after its time: its timeouts are
 * whole seconds, and time passes while they are written and read.
 */
export const TIME_TOLERANCE = 2_500;

/** An entry that is in force without end. */
const FOREVER = Infinity;

/** Whether a ban lasts longer than the kernel can be told. */
export function outlastsKernel({ until }: TimedPrefix, now: number): boolean {
  return until > now + LONGEST_TIMEOUT * 1000;
}

/** What a change was, to take it back: the end that each changed prefix had before, 0 for none. */
export type BanChange = readonly { readonly prefix: Prefix; readonly before: number }[];

/** The bans that are known, by prefix. At most `MAX_BANS`. */
export class BanTimes {
  readonly #bans = new Map<string, TimedPrefix>();
  /** No ban ends before: so that they are not all looked through with every change. */
  #firstEnd = -Infinity;

  /** Of more than `MAX_BANS` those that last longest are taken; the last one of a prefix counts. */
  constructor(bans: readonly TimedPrefix[] = []) {
    // What else a ban may carry is not kept.
    for (const { prefix, until } of bans) this.#bans.set(formatPrefix(prefix), { prefix, until });
    if (this.#bans.size <= MAX_BANS) return;
    const longest = [...this.#bans].sort(([, a], [, b]) => b.until - a.until).slice(0, MAX_BANS);
    this.#bans = new Map(longest);
  }

  /** Whether there is room for these besides what is known and stays; what is over takes none. */
  hasRoomFor(add: readonly TimedPrefix[], remove: readonly Prefix[], now: number): boolean {
    const added = new Set(add.map(({ prefix }) => formatPrefix(prefix)));
    const gone = new Set(remove.map(formatPrefix));
    let size = this.#bans.size;
    for (const text of added) if (!this.#bans.has(text)) size++;
    for (const text of gone) if (this.#bans.has(text) && !added.has(text)) size--;
    if (size <= MAX_BANS) return true;
    for (const [text, { until }] of this.#bans) {
      if (until <= now && !added.has(text) && !gone.has(text)) size--;
    }
    return size <= MAX_BANS;
  }

  /** Takes prefixes out, then puts others in; one that is over already is taken out. */
  change(add: readonly TimedPrefix[], remove: readonly Prefix[], now: number): BanChange {
    const changed: { prefix: Prefix; before: number }[] = [];
    const put = (prefix: Prefix, until: number) => {
      changed.push({ prefix, before: this.#bans.get(formatPrefix(prefix))?.until ?? 0 });
      this.#put(prefix, until > now ? until : 0);
    };
    for (const prefix of remove) put(prefix, 0);
    for (const { prefix, until } of add) put(prefix, until);
    return changed;
  }

  /** Takes a change back, of which it is the last. */
  revert(change: BanChange): void {
    for (const { prefix, before } of change.toReversed()) this.#put(prefix, before);
  }

  #put(prefix: Prefix, until: number): void {
    const text = formatPrefix(prefix);
    if (until > 0) {
      this.#bans.set(text, { prefix, until });
      this.#firstEnd = Math.min(this.#firstEnd, until);
    } else this.#bans.delete(text);
  }

  /** Forgets what has been over for so long that the kernel, too, has forgotten it; returns that. */
  forgetPast(now: number): Prefix[] {
    if (this.#firstEnd + TIME_TOLERANCE >= now) return [];
    const past: Prefix[] = [];
    this.#firstEnd = Infinity;
    for (const [text, { prefix, until }] of this.#bans) {
      if (until + TIME_TOLERANCE >= now) {
        this.#firstEnd = Math.min(this.#firstEnd, until);
        continue;
      }
      past.push(prefix);
      this.#bans.delete(text);
    }
    return past;
  }

  /**
   * How many entries a set holds now at least and at most. A guess where bans and entries are not
   * one for one: then a set may seem to be wrong, and reading it shows that it is not.
   */
  countsOf(set: SetPlan, now: number): { least: number; most: number } {
    let least = set.prefixes.count(set.family), most = least;
    for (const { prefix, until } of this.#bans.values()) {
      if (prefix.family !== set.family) continue;
      most++;
      if (until > now + TIME_TOLERANCE) least++;
    }
    return { least, most };
  }

  /** In which there are any; also where the last one has just ended. */
  get families(): Set<Family> {
    const families = new Set<Family>();
    for (const { prefix } of this.#bans.values()) {
      families.add(prefix.family);
      if (families.size === 2) break;
    }
    return families;
  }

  /** Whether any ban lasts longer than the kernel can be told. */
  outlastsKernel(now: number): boolean {
    for (const ban of this.#bans.values()) if (outlastsKernel(ban, now)) return true;
    return false;
  }

  /** All entries of a set with their ends, those of the policy without end. */
  entriesOf(set: SetPlan): Map<string, number> {
    const entries = new Map<string, number>();
    for (const { prefix, until } of this.#bans.values()) {
      if (prefix.family !== set.family) continue;
      for (const entry of netEntries(prefix)) {
        const text = formatPrefix(entry);
        entries.set(text, Math.max(until, entries.get(text) ?? 0));
      }
    }
    for (const text of entryTexts(set)) entries.set(text, FOREVER);
    return entries;
  }

  /** The entries of a set that these prefixes stand for, with the ends that they have now, or 0. */
  entriesFor(prefixes: readonly Prefix[], set: SetPlan): Map<string, number> {
    const lasting = new Set(entryTexts(set));
    const entries = new Map<string, number>();
    for (
      const entry of prefixes.filter(({ family }) => family === set.family).flatMap(netEntries)
    ) {
      const text = formatPrefix(entry);
      entries.set(text, lasting.has(text) ? FOREVER : this.#untilOf(text, entry));
    }
    return entries;
  }

  #untilOf(text: string, { family, length }: Prefix): number {
    const until = this.#bans.get(text)?.until ?? 0;
    if (length !== 1) return until;
    return Math.max(until, this.#bans.get(EVERYTHING[family])?.until ?? 0);
  }
}

const EVERYTHING: Record<Family, string> = { 4: "0.0.0.0/0", 6: "::/0" };

/** Seconds for which the kernel is told to keep an entry; 0: for ever. */
export function timeoutOf(until: number, now: number): number {
  if (until === FOREVER) return 0;
  return Math.min(LONGEST_TIMEOUT, Math.max(1, Math.ceil((until - now) / 1000)));
}
