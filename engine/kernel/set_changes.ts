/** What must happen to sets so that they hold what the plan says. */
import { ExitCode, PfwError } from "../errors.ts";
import { formatPrefix, type Prefix } from "../net/address.ts";
import { comparePrefixes } from "../net/prefix_list.ts";
import type { Commands } from "./command.ts";

import { readEntries } from "./kernel_state.ts";
import { entryCount, entryTexts, setEntries, type SetPlan } from "./plan.ts";
import { MAX_ENTRIES, type SetChange } from "./render_ipset.ts";
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
    return differenceOfSorted(setEntries(known), setEntries(set));
  }
  return differenceOfUnknown(await readEntries(commands, set.name), set);
}

/** Both in ascending order. Allocates for what differs only. */
async function differenceOfSorted(
  have: Iterable<Prefix>,
  want: Iterable<Prefix>,
): Promise<Difference> {
  const missing: string[] = [], surplus: string[] = [], slices = new Slices();
  const old = have[Symbol.iterator](), fresh = want[Symbol.iterator]();
  let a = old.next(), b = fresh.next();
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : comparePrefixes(a.value, b.value);
    if (order < 0) surplus.push(formatPrefix(a.value as Prefix));
    if (order > 0) missing.push(formatPrefix(b.value as Prefix));
    if (order <= 0) a = old.next();
    if (order >= 0) b = fresh.next();
    if (slices.isOver()) await slices.pause();
  }
  return { missing, count: missing.length, surplus };
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
