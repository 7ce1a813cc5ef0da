/**
 * The bans in the kernel. They come and go without a new policy, and the kernel ends each by
 * itself: so what its sets hold is known by how many entries there are, and for certain only by
 * reading them.
 */
import { errorText, ExitCode, PfwError } from "../errors.ts";
import type { Family, Prefix } from "../net/address.ts";
import {
  BanTimes,
  LONGEST_TIMEOUT,
  MAX_BANS,
  outlastsKernel,
  TIME_TOLERANCE,
  type TimedPrefix,
  timeoutOf,
} from "./ban_times.ts";
import type { Commands } from "./command.ts";
import { readTimedEntries, restoreSets } from "./kernel_state.ts";
import type { SetPlan } from "./plan.ts";
import { renderEntries, type SetChange } from "./render_ipset.ts";
import type { SavedSet } from "./saved_state.ts";
import type { SetChanges } from "./set_changes.ts";

export type { TimedPrefix } from "./ban_times.ts";

/** Sets of at most so many entries are read whenever they are looked at: that takes 3 ms. */
const SMALL_SET = 512;

/** Milliseconds after which bans that the kernel cannot hold to their end are looked at again. */
const REARM_INTERVAL = LONGEST_TIMEOUT * 1000 / 3;

/** What a set holds and shall hold; the lists have no entry in common. */
export interface BanDifference {
  readonly name: string;
  readonly missing: readonly string[];
  /** There, and with another end. */
  readonly shifted: readonly string[];
  readonly surplus: readonly string[];
  /** Seconds that each entry has left in the kernel; 0: no end. */
  readonly held: ReadonlyMap<string, number>;
  /** When each entry shall end, in milliseconds since 1970. */
  readonly wanted: ReadonlyMap<string, number>;
}

/** What shall be banned, and what is known of the kernel's sets. Calls must not overlap. */
export class KernelBans {
  #times = new BanTimes();
  /** What the kernel was brought to hold; another one than `#times` while that is not known. */
  #settled: BanTimes | undefined;
  /** What all of the sets were compared with last; `undefined` where size was enough for some. */
  #compared: BanTimes | undefined;
  /** When bans are to be looked at that last longer than the kernel can be told. */
  #rearmAt = Infinity;

  constructor(private readonly commands: Commands) {}

  /** In which there are bans. */
  get families(): ReadonlySet<Family> {
    return this.#times.families;
  }

  /** What shall be banned from now on; nothing happens in the kernel. */
  set(bans: readonly TimedPrefix[]): void {
    const now = Date.now();
    this.#times = new BanTimes(bans.filter(({ until }) => until > now));
  }

  /**
   * Bans and unbans, in what shall be and in the kernel. A prefix that stands in both is banned.
   *
   * @param sets the plan's sets of bans; none while no policy is in force
   * @param haveAsked sees to it that packets are looked up in what the sets hold then
   * @throws PfwError when it cannot; then nothing is changed
   */
  async change(
    sets: readonly SetPlan[],
    add: readonly TimedPrefix[],
    remove: readonly Prefix[],
    haveAsked: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const times = this.#times, now = Date.now();
    if (!times.hasRoomFor(add, remove, now)) throw tooMany();
    const past = times.forgetPast(now);
    const change = times.change(add, remove, now);
    const changed = change.map(({ prefix }) => prefix);
    if (add.some((ban) => outlastsKernel(ban, now))) {
      this.#rearmAt = Math.min(this.#rearmAt, now + REARM_INTERVAL);
    }
    try {
      await this.#write(sets, times, [...past, ...changed]);
      await haveAsked();
    } catch (error) {
      times.revert(change);
      // Whatever the kernel holds now, the next look finds out.
      this.doubt();
      const failure = await this.#write(sets, times, changed).catch((error) => error);
      throw refused(error, failure);
    }
  }

  /** Deletes what is over, should the kernel's clock have stood still while the machine slept. */
  async forgetPast(sets: readonly SetPlan[]): Promise<void> {
    const past = this.#times.forgetPast(Date.now());
    // Where that is not possible the sets are not as they should be, and that is found anyway.
    await this.#write(sets, this.#times, past).catch(() => this.doubt());
  }

  async #write(sets: readonly SetPlan[], times: BanTimes, changed: readonly Prefix[]) {
    const now = Date.now();
    const add: SetChange[] = [], remove: SetChange[] = [];
    for (const set of sets) {
      const entries = [...times.entriesFor(changed, set)];
      const lasting = entries.filter(([, until]) => until > now);
      const over = entries.filter(([, until]) => until <= now);
      add.push({ name: set.name, entries: lasting.map(([text, until]) => line(text, until, now)) });
      remove.push({ name: set.name, entries: over.map(([text]) => text) });
    }
    const text = [...renderEntries("add", add), ...renderEntries("del", remove)];
    if (text.length > 0) await restoreSets(this.commands, text);
  }

  /** Nothing is known any more of what the kernel holds. */
  doubt(): void {
    this.#settled = undefined;
  }

  /** What was compared last is in the kernel now. */
  settle(): void {
    if (this.#compared === undefined) return;
    const now = Date.now();
    this.#settled = this.#compared;
    this.#rearmAt = this.#settled.outlastsKernel(now) ? now + REARM_INTERVAL : Infinity;
  }

  /**
   * Compares sets with what the kernel holds; those in which all is right are left out.
   *
   * @param known the sets with the entries of the policy that were in force until now
   */
  async compare(
    sets: readonly SetPlan[],
    present: ReadonlyMap<string, SavedSet>,
    known: ReadonlyMap<string, SetPlan>,
  ): Promise<BanDifference[]> {
    const times = this.#times;
    const isUnsure = this.#settled !== times || Date.now() >= this.#rearmAt;
    this.#compared = isUnsure ? times : undefined;
    const differences: BanDifference[] = [];
    for (const set of sets) {
      const entries = present.get(set.name)?.entries ?? 0;
      const { least, most } = times.countsOf(set, Date.now());
      if (entries === 0 && most === 0) continue;
      const isChanged = known.get(set.name)?.prefixes !== set.prefixes;
      const isRight = !isChanged && entries >= least && entries <= most;
      if (!isUnsure && isRight && most > SMALL_SET) continue;
      const before = Date.now();
      const held = entries > 0 ? await readTimedEntries(this.commands, set.name) : new Map();
      const difference = differenceOf(set.name, held, times.entriesOf(set), before);
      const { missing, shifted, surplus } = difference;
      if (missing.length + shifted.length + surplus.length > 0) differences.push(difference);
    }
    return differences;
  }
}

function differenceOf(
  name: string,
  held: ReadonlyMap<string, number>,
  wanted: ReadonlyMap<string, number>,
  before: number,
): BanDifference {
  const now = Date.now();
  const missing: string[] = [], shifted: string[] = [];
  for (const [entry, until] of wanted) {
    const seconds = held.get(entry);
    if (seconds === undefined) {
      if (until > now + TIME_TOLERANCE) missing.push(entry);
    } else if (until > now && !isEnd(seconds, until, before, now)) shifted.push(entry);
  }
  const surplus = [...held.keys()].filter((entry) => !wanted.has(entry));
  return { name, missing, shifted, surplus, held, wanted };
}

/** Whether an entry that was read between two moments ends when it shall. */
function isEnd(seconds: number, until: number, before: number, now: number): boolean {
  const latest = timeoutOf(until, before), earliest = timeoutOf(until, now);
  if (seconds === 0 || latest === 0) return seconds === latest;
  if (latest === LONGEST_TIMEOUT) return seconds > LONGEST_TIMEOUT / 2;
  const tolerance = TIME_TOLERANCE / 1000;
  return seconds >= earliest - tolerance && seconds <= latest + tolerance;
}

/** In words, what somebody else changed; an end that shifted is the clock's doing, or will be. */
export function banDifferences(differences: readonly BanDifference[]): string[] {
  return differences.flatMap(({ name, missing, surplus }) => [
    ...(missing.length > 0 ? [`set ${name} lacks bans: ${missing.length}`] : []),
    ...(surplus.length > 0
      ? [`set ${name} holds entries that are no bans: ${surplus.length}`]
      : []),
  ]);
}

/** What must happen to the sets, and what takes it back. */
export function banChanges(differences: readonly BanDifference[]): SetChanges {
  const now = Date.now();
  const each = (entriesOf: (difference: BanDifference) => readonly string[]): SetChange[] =>
    differences.map((difference) => ({ name: difference.name, entries: entriesOf(difference) }))
      .filter(({ entries }) => entries.length > 0);
  const asHeld = (held: BanDifference["held"], entries: readonly string[]) =>
    entries.map((entry) => `${entry} timeout ${held.get(entry)}`);
  return {
    create: [],
    replace: [],
    add: each(({ missing, shifted, wanted }) =>
      [...missing, ...shifted].map((entry) => line(entry, wanted.get(entry) ?? now, now))
    ),
    added: each(({ missing }) => missing),
    overwritten: each(({ shifted, held }) => asHeld(held, shifted)),
    remove: each(({ surplus }) => surplus),
    removed: each(({ surplus, held }) => asHeld(held, surplus)),
  };
}

function line(entry: string, until: number, now: number): string {
  return `${entry} timeout ${timeoutOf(until, now)}`;
}

function tooMany(): PfwError {
  return new PfwError(
    "cannot add a ban",
    `there are ${MAX_BANS.toLocaleString("en-US")} already`,
    "remove some with `pfw bans remove`",
  );
}

function refused(error: unknown, failure: unknown): PfwError {
  const undone = failure === undefined
    ? ""
    : `; undoing it failed too (${errorText(failure)}) and is tried again within seconds`;
  return new PfwError(
    "cannot change the bans in the kernel",
    errorText(error) + undone,
    failure === undefined ? "nothing was changed" : "run `pfw status`",
    ExitCode.failed,
    { cause: error },
  );
}
