/** What must happen to sets so that they hold what the plan says. */
import { ExitCode, PfwError } from "../errors.ts";
import { type Family, formatPrefix } from "../net/address.ts";
import { comparePlaces, type PrefixList } from "../net/prefix_list.ts";
import type { Commands } from "./command.ts";
import { readEntries } from "./kernel_state.ts";
import { entryCount, entryTexts, netEntries, setEntries, type SetPlan } from "./plan.ts";
import {
  MAX_ENTRIES,
  renderCreate,
  renderEntries,
  renderReplacement,
  type SetChange,
} from "./render_ipset.ts";
import type { SavedSet } from "./saved_state.ts";
import { Slices } from "./slices.ts";

/** Additions come before the chains change, removals after it. */
export interface SetChanges {
  readonly create: readonly SetPlan[];
  /** Sets that grow so much that another one is filled and put in their place at once. */
  readonly replace: readonly Replacement[];
  readonly add: readonly SetChange[];
  /** What of `add` was not there at all: deleted to take it back. */
  readonly added: readonly SetChange[];
  /** What of `add` was there in another form, as it was: added to take it back. */
  readonly overwritten: readonly SetChange[];
  readonly remove: readonly SetChange[];
  /** `remove` in the form in which it was there. */
  readonly removed: readonly SetChange[];
}

/** A set that takes the place of one that is there. */
export interface Replacement {
  readonly set: SetPlan;
  /** What it holds besides what the plan says: what is not wanted any more goes later. */
  readonly surplus: readonly string[];
}

/** What comes before the chains change, as lines of `ipset restore`. */
export function* renderAdditions({ create, replace, add }: SetChanges): Generator<string> {
  for (const set of create) yield `${renderCreate(set)}\n`;
  yield* renderEntries("add", add);
  for (const { set, surplus } of replace) yield* renderReplacement(set, surplus);
}

/** Both changes in one. */
export function joinChanges(a: SetChanges, b: SetChanges): SetChanges {
  return {
    create: [...a.create, ...b.create],
    replace: [...a.replace, ...b.replace],
    add: [...a.add, ...b.add],
    added: [...a.added, ...b.added],
    overwritten: [...a.overwritten, ...b.overwritten],
    remove: [...a.remove, ...b.remove],
    removed: [...a.removed, ...b.removed],
  };
}

/**
 * More entries than that, and more than there are: then a set made to measure is faster, for a set
 * stops to sort itself anew each time it has outgrown its table.
 */
const LARGE_GROWTH = 4_096;

/**
 * Compares sets with what the kernel holds; of those whose entries expire only what they are.
 *
 * @param known what this process last put into sets: saves reading them back. A set whose number
 *   of entries differs, or of which nothing is known (a crashed run left it), is read.
 * @throws PfwError for a set of ours that does not have our properties
 */
export async function compareSets(
  commands: Commands,
  wanted: readonly SetPlan[],
  present: ReadonlyMap<string, SavedSet>,
  known: ReadonlyMap<string, SetPlan>,
): Promise<SetChanges> {
  const create: SetPlan[] = [], replace: Replacement[] = [];
  const add: SetChange[] = [], added: SetChange[] = [], remove: SetChange[] = [];
  for (const set of wanted) {
    const { name } = set;
    if (entryCount(set) > MAX_ENTRIES) throw tooLarge(set);
    const there = present.get(name);
    if (!there) create.push(set);
    else if (!isUsable(set, there)) throw foreign(name);
    // What is in it is the kernel's business, or that of bans.
    if (set.timeout) continue;
    const { missing, count, surplus } = there?.entries
      ? await compareSet(commands, set, there, known.get(name))
      : { missing: entryTexts(set), count: entryCount(set), surplus: [] };
    if (count > 0) added.push({ name, entries: missing });
    if (there && count > Math.max(LARGE_GROWTH, there.entries)) replace.push({ set, surplus });
    else if (count > 0) add.push({ name, entries: missing });
    if (surplus.length > 0) remove.push({ name, entries: surplus });
  }
  return { create, replace, add, added, overwritten: [], remove, removed: remove };
}

interface Difference {
  readonly missing: Iterable<string>;
  /** How many are missing. */
  readonly count: number;
  readonly surplus: readonly string[];
}

async function compareSet(
  commands: Commands,
  set: SetPlan,
  there: SavedSet,
  known: SetPlan | undefined,
): Promise<Difference> {
  if (known && there.entries === entryCount(known)) {
    if (known.prefixes === set.prefixes) return { missing: [], count: 0, surplus: [] };
    return differenceOfKnown(known, set);
  }
  return differenceOfUnknown(await readEntries(commands, set.name), set);
}

/** Allocates for what differs only. */
async function differenceOfKnown(have: SetPlan, want: SetPlan): Promise<Difference> {
  const { family } = want;
  const a = have.prefixes, b = want.prefixes, slices = new Slices();
  const missing: string[] = [], surplus: string[] = [];
  let atA = 0, atB = 0;
  while (atA < a.count(family) || atB < b.count(family)) {
    const order = atA === a.count(family)
      ? 1
      : atB === b.count(family)
      ? -1
      : comparePlaces(family, a, atA, b, atB);
    if (order < 0) surplus.push(...textsAt(a, family, atA));
    if (order > 0) missing.push(...textsAt(b, family, atB));
    if (order <= 0) atA++;
    if (order >= 0) atB++;
    if (slices.isOver()) await slices.pause();
  }
  return withoutCommon(missing, surplus);
}

/** Of /0, which is two entries of a set, the other list may have one. It stands alone in its list. */
function withoutCommon(missing: readonly string[], surplus: readonly string[]): Difference {
  const all = Math.min(missing.length, surplus.length) <= 2 ? new Set(surplus) : new Set();
  const common = new Set(missing.filter((text) => all.has(text)));
  const lacking = common.size === 0 ? missing : missing.filter((text) => !common.has(text));
  return {
    missing: lacking,
    count: lacking.length,
    surplus: common.size === 0 ? surplus : surplus.filter((text) => !common.has(text)),
  };
}

function textsAt(list: PrefixList, family: Family, at: number): string[] {
  return netEntries(list.at(family, at)).map(formatPrefix);
}

async function differenceOfUnknown(have: Set<string>, set: SetPlan): Promise<Difference> {
  const missing: string[] = [], slices = new Slices();
  for (const prefix of setEntries(set)) {
    const text = formatPrefix(prefix);
    if (!have.delete(text)) missing.push(text);
    if (slices.isOver()) await slices.pause();
  }
  return { missing, count: missing.length, surplus: [...have] };
}

function isUsable(set: SetPlan, there: SavedSet): boolean {
  return there.type === (set.sources ? "hash:ip" : "hash:net") && there.family === set.family &&
    there.timeout === set.timeout && there.maxEntries >= entryCount(set);
}

function foreign(name: string): PfwError {
  return new PfwError(
    `cannot use the set ${name}`,
    "one of that name exists with other properties",
    "run `pfw cleanup`",
  );
}

function tooLarge(set: SetPlan): PfwError {
  return new PfwError(
    `cannot load the set ${set.name}`,
    `${entryCount(set)} entries are more than ${MAX_ENTRIES}`,
    "use a shorter list",
    ExitCode.usage,
  );
}
