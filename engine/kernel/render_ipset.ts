/** Sets in the language of `ipset restore`. */
import { entryCount, type SetPlan } from "./plan.ts";

/** Largest number of entries of a set. A limit only: memory is used for what is in the set. */
export const MAX_ENTRIES = 4_194_304;

/** One changed set. */
export interface SetChange {
  readonly name: string;
  readonly entries: readonly string[];
}

/** The line that creates a set, empty. */
export function renderCreate(set: SetPlan): string {
  const family = set.family === 4 ? "inet" : "inet6";
  const timeout = set.timeout ? " timeout 0" : "";
  return `create ${set.name} hash:net family ${family} hashsize ${hashSize(entryCount(set))} ` +
    `maxelem ${MAX_ENTRIES}${timeout}`;
}

/** Sized for what comes, so loading never stops to rehash; the kernel grows it where needed. */
function hashSize(entries: number): number {
  return 2 ** Math.min(22, Math.max(6, Math.ceil(Math.log2(Math.max(1, entries / 2)))));
}

/** Lines that add entries to sets, or delete them from sets. */
export function renderEntries(verb: "add" | "del", changes: readonly SetChange[]): string {
  let text = "";
  for (const { name, entries } of changes) {
    for (const entry of entries) text += `${verb} ${name} ${entry}\n`;
  }
  return text;
}

/** Lines that destroy sets. */
export function renderDestroy(names: readonly string[]): string {
  return names.map((name) => `destroy ${name}\n`).join("");
}
