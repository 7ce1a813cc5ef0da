/** Sets in the language of `ipset restore`. */
import { entryCount, entryTexts, type SetPlan } from "./plan.ts";

/** Largest number of entries of a set. A limit only: memory is used for what is in the set. */
export const MAX_ENTRIES = 4_194_304;

/** One changed set. Entries are made while they are read, so a long list is never held as text. */
export interface SetChange {
  readonly name: string;
  readonly entries: Iterable<string>;
}

/** The line that creates a set, empty; sized for what the plan puts into it. */
export function renderCreate(set: SetPlan): string {
  if (set.sources) return renderSources(set, set.sources);
  const family = set.family === 4 ? "inet" : "inet6";
  const timeout = set.timeout ? " timeout 0" : "";
  return `create ${set.name} hash:net family ${family} hashsize ${hashSize(entryCount(set))} ` +
    `maxelem ${MAX_ENTRIES}${timeout}`;
}

/** Not grown while packets fill it, so sized for all that it may hold. */
function renderSources(set: SetPlan, { limit, mask }: NonNullable<SetPlan["sources"]>): string {
  const netmask = mask === undefined ? "" : ` netmask ${mask}`;
  return `create ${set.name} hash:ip family ${set.family === 4 ? "inet" : "inet6"} ` +
    `hashsize ${limit / 4} maxelem ${limit} timeout 0${netmask}`;
}

/** Sized for what comes, so loading never stops to rehash; the kernel grows it where needed. */
function hashSize(entries: number): number {
  return 2 ** Math.min(22, Math.max(6, Math.ceil(Math.log2(Math.max(1, entries / 2)))));
}

/** Characters after which a piece of text is passed on. */
const PIECE = 65_536;

/** Lines that add entries to sets, or delete them from sets; in pieces of many lines. */
export function* renderEntries(
  verb: "add" | "del",
  changes: readonly SetChange[],
): Generator<string> {
  let piece = "";
  for (const { name, entries } of changes) {
    for (const entry of entries) {
      piece += `${verb} ${name} ${entry}\n`;
      if (piece.length < PIECE) continue;
      yield piece;
      piece = "";
    }
  }
  if (piece) yield piece;
}

/** The name under which a set is filled that takes the place of another. */
export function replacementName(name: string): string {
  return `${name}-new`;
}

/**
 * Lines that fill a set of another name and swap it with the present one: whoever asks finds either
 * all of the old entries or all of the new ones, never less. The present one must be there.
 */
export function* renderReplacement(set: SetPlan, surplus: Iterable<string>): Generator<string> {
  const name = replacementName(set.name);
  yield `${renderCreate({ ...set, name })}\nflush ${name}\n`;
  yield* renderEntries("add", [
    { name, entries: entryTexts(set) },
    { name, entries: surplus },
  ]);
  yield `swap ${name} ${set.name}\n${renderDestroy([name])}`;
}

/** Lines that destroy sets. */
export function renderDestroy(names: readonly string[]): string {
  return names.map((name) => `destroy ${name}\n`).join("");
}
