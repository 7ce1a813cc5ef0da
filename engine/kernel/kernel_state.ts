/** Reads what the kernel holds. */
import type { Family } from "../net/address.ts";
import { CommandError, type Commands, runAllOrThrow, runOrThrow, runThenRead } from "./command.ts";
import { TABLES } from "./plan.ts";
import { renderDestroy } from "./render_ipset.ts";
import {
  isOurs,
  ourChainIn,
  parseIptablesSave,
  parseSetEntries,
  parseSetHeaders,
  parseTimedEntries,
  type SavedChain,
  type SavedSet,
  type SavedTables,
} from "./saved_state.ts";

/** One reading of tables and sets. */
export interface KernelState {
  /** Every table of each family, with counters. */
  readonly tables: ReadonlyMap<Family, SavedTables>;
  /** Our sets, without their entries. */
  readonly sets: ReadonlyMap<string, SavedSet>;
}

/** `iptables` or `ip6tables`, with a suffix such as `-save`. */
export function iptablesProgram(family: Family, suffix: "" | "-save" | "-restore" = ""): string {
  return (family === 4 ? "iptables" : "ip6tables") + suffix;
}

/** Reads both; throws `CommandError` where a program fails. */
export async function readKernel(
  commands: Commands,
  families: readonly Family[],
): Promise<KernelState> {
  // Two shells for two families: more at once would take longer to start.
  const [first, ...others] = families.map(saveTables);
  const [[sets, ...some], rest] = await Promise.all([
    runAllOrThrow(commands, [LIST_SETS, ...first ? [first] : []]),
    runAllOrThrow(commands, others),
  ]);
  const tables = [...some, ...rest];
  return {
    tables: new Map(families.map((family, at) => [family, parseIptablesSave(tables[at])])),
    sets: parseSetHeaders(sets),
  };
}

/** The tables of each family, once all of that work has ended; throws where some of it failed. */
export async function gather(
  families: readonly { readonly family: Family }[],
  work: readonly Promise<SavedTables>[],
): Promise<Map<Family, SavedTables>> {
  const outcomes = await Promise.allSettled(work);
  return new Map(families.map(({ family }, at) => {
    const outcome = outcomes[at];
    if (outcome.status === "rejected") throw outcome.reason;
    return [family, outcome.value];
  }));
}

/** Our chains in the tables that we use. */
export function ourChains(state: KernelState): SavedChain[] {
  return [...state.tables.values()].flatMap((tables) =>
    TABLES.flatMap((name) => [...(tables.get(name)?.values() ?? [])].filter(isOurs))
  );
}

/** Whether nothing of ours is there, nor a rule that leads to it. */
export function isEmpty(state: KernelState): boolean {
  const chains = [...state.tables.values()].flatMap((tables) =>
    [...tables.values()].flatMap((table) => [...table.values()])
  );
  return state.sets.size === 0 &&
    !chains.some((chain) => isOurs(chain) || chain.rules.some(ourChainIn));
}

/** Our sets, without their entries. */
export async function readSets(commands: Commands): Promise<Map<string, SavedSet>> {
  return parseSetHeaders(await runOrThrow(commands, LIST_SETS));
}

const LIST_SETS = ["ipset", "list", "-t"];

function saveTables(family: Family): string[] {
  return [iptablesProgram(family, "-save"), "-c"];
}

/** The tables of one family. */
export async function readTables(commands: Commands, family: Family): Promise<SavedTables> {
  return parseIptablesSave(await runOrThrow(commands, saveTables(family)));
}

/** The entries of one set, as canonical text. */
export async function readEntries(commands: Commands, set: string): Promise<Set<string>> {
  return parseSetEntries(await runOrThrow(commands, ["ipset", "save", set]));
}

/** The entries of one set, as canonical text, with the seconds that each has left; 0: no end. */
export async function readTimedEntries(
  commands: Commands,
  set: string,
): Promise<Map<string, number>> {
  return parseTimedEntries(await runOrThrow(commands, ["ipset", "save", set]));
}

/** One transaction for each table that `text` names. Waits up to 5 s for the lock of xtables. */
export async function restoreTables(
  commands: Commands,
  family: Family,
  text: string,
): Promise<void> {
  if (text === "") return;
  await runOrThrow(commands, restoreArgv(family), text);
}

/** The same, and what the tables of the family are then. */
export async function restoreAndReadTables(
  commands: Commands,
  family: Family,
  text: string,
): Promise<SavedTables> {
  if (text === "") return await readTables(commands, family);
  const saved = await runThenRead(commands, restoreArgv(family), text, saveTables(family));
  return parseIptablesSave(saved);
}

/** The command that changes what its input names and leaves the rest. */
export function restoreArgv(family: Family): string[] {
  return [iptablesProgram(family, "-restore"), "--noflush", "-w", "5"];
}

/** Runs lines of `ipset restore`; entries that are there already, or gone already, are fine. */
export async function restoreSets(commands: Commands, text: Iterable<string>): Promise<void> {
  await runOrThrow(commands, RESTORE_SETS, text);
}

/** The same, and what our sets are then, without their entries. */
export async function restoreAndReadSets(
  commands: Commands,
  text: Iterable<string>,
): Promise<Map<string, SavedSet>> {
  const whole = Array.from(text).join("");
  return parseSetHeaders(await runThenRead(commands, RESTORE_SETS, whole, LIST_SETS));
}

const RESTORE_SETS = ["ipset", "restore", "-exist"];

/** How long the kernel may take to let go of a set whose last rule was deleted. */
const RELEASE_MS = 3_000;
const RELEASE_STEP_MS = 25;

/**
 * Destroys sets that no rule names any more; those that are gone already are fine. nf_tables frees
 * deleted rules a moment after the transaction, and until then their sets count as used.
 */
export async function destroySets(commands: Commands, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const deadline = Date.now() + RELEASE_MS;
  for (;;) {
    const present = await readSets(commands);
    const left = names.filter((name) => present.has(name));
    if (left.length === 0) return;
    try {
      return await restoreSets(commands, [renderDestroy(left)]);
    } catch (error) {
      if (!(error instanceof CommandError) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, RELEASE_STEP_MS));
    }
  }
}
