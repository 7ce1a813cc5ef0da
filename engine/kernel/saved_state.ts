/** Reads what `iptables-save -c`, `ipset list -t` and `ipset save` print. */
import { type Family, formatPrefix, parsePrefix } from "../net/address.ts";
import { CHAIN_PREFIX, SET_PREFIX } from "./names.ts";

/** One rule as iptables prints it. */
export interface SavedRule {
  /** Without `-A <chain>`: what a restore file takes back. */
  readonly text: string;
  readonly packets: number;
  readonly bytes: number;
}

/** One chain. */
export interface SavedChain {
  readonly name: string;
  /** `ACCEPT` or `DROP` of a built-in chain, `-` of any other. */
  readonly policy: string;
  readonly rules: SavedRule[];
}

/** The chains of one table, by name. */
export type SavedTable = ReadonlyMap<string, SavedChain>;

/** The tables of one family, by name. */
export type SavedTables = ReadonlyMap<string, SavedTable>;

/** Reads `iptables-save -c`; lines that it does not know are left out. */
export function parseIptablesSave(text: string): SavedTables {
  const tables = new Map<string, Map<string, SavedChain>>();
  let table = new Map<string, SavedChain>();
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) {
      table = new Map();
      tables.set(line.slice(1).trim(), table);
    } else if (line.startsWith(":")) {
      const [name, policy] = line.slice(1).split(" ");
      table.set(name, { name, policy: policy ?? "-", rules: [] });
    } else {
      const rule = /^\[(\d+):(\d+)\] -A (\S+) ?(.*)$/.exec(line);
      if (!rule) continue;
      const saved = { text: rule[4], packets: Number(rule[1]), bytes: Number(rule[2]) };
      table.get(rule[3])?.rules.push(saved);
    }
  }
  return tables;
}

/** Whether a chain is ours. */
export function isOurs(chain: { readonly name: string }): boolean {
  return chain.name.startsWith(CHAIN_PREFIX);
}

/** Options of a rule, by name, with their values; `!` stands before the values it negates. */
export type RuleOptions = ReadonlyMap<string, readonly string[]>;

/** Splits a rule into its options; one that is given twice keeps the values of both. */
export function ruleOptions(text: string): RuleOptions {
  const options = new Map<string, string[]>();
  let values: string[] = [];
  let negated = false;
  for (const [word, isValue] of words(text)) {
    if (!isValue && word === "!") negated = true;
    else if (!isValue && /^--?[a-z]/i.test(word)) {
      values = options.get(word) ?? [];
      options.set(word, values);
      if (negated) values.push("!");
      negated = false;
    } else values.push(word);
  }
  return options;
}

/** What people write, which may look like an option, and stands without quotes where it is one word. */
const FREE_TEXT = /^--(comment|log-prefix|nflog-prefix|ulog-prefix)$/;

/** Words apart by blanks; one in double quotes may hold blanks and `\` before any character. */
function* words(text: string): Generator<[word: string, isValue: boolean]> {
  let isValue = false;
  for (const match of text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
    if (match[1] === undefined) yield [match[2], isValue];
    else yield [match[1].replace(/\\(.)/g, "$1"), true];
    isValue = !isValue && match[1] === undefined && FREE_TEXT.test(match[2]);
  }
}

/** The chain or target that a rule leads to; none of a rule that only counts. */
export function targetOf(text: string): string | undefined {
  let isTarget = false;
  for (const [word, isValue] of words(text)) {
    if (isTarget) return word;
    isTarget = !isValue && (word === "-j" || word === "-g");
  }
  return undefined;
}

/** The chain that a rule leads to; `undefined` for a target that is no chain of ours. */
export function ourChainIn(rule: SavedRule): string | undefined {
  // Most rules are others', or ours that lead nowhere: reading those word by word would take long.
  const target = rule.text.includes(CHAIN_PREFIX) ? targetOf(rule.text) : undefined;
  return target?.startsWith(CHAIN_PREFIX) ? target : undefined;
}

/** What `ipset list -t` says of one set. */
export interface SavedSet {
  readonly name: string;
  /** `hash:net` for ours, `hash:ip` for one that the kernel fills. */
  readonly type: string;
  /** `undefined` for types that have none. */
  readonly family: Family | undefined;
  readonly timeout: boolean;
  readonly maxEntries: number;
  readonly entries: number;
  /** Bytes of kernel memory. */
  readonly memory: number;
}

/** Reads `ipset list -t`: every set whose name begins with `pfw-`, by name. */
export function parseSetHeaders(text: string): Map<string, SavedSet> {
  const sets = new Map<string, SavedSet>();
  for (const block of text.split(/\n(?=Name: )/)) {
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(block)?.[1] ?? "";
    const name = field("Name");
    if (!name.startsWith(SET_PREFIX)) continue;
    const header = field("Header");
    const family = /\bfamily (inet6?)\b/.exec(header)?.[1];
    sets.set(name, {
      name,
      type: field("Type"),
      family: family === "inet" ? 4 : family === "inet6" ? 6 : undefined,
      timeout: /\btimeout \d/.test(header),
      maxEntries: Number(/\bmaxelem (\d+)/.exec(header)?.[1] ?? 0),
      entries: Number(field("Number of entries")),
      memory: Number(field("Size in memory")),
    });
  }
  return sets;
}

/** Reads the entries of `ipset save <set>`, canonical where they are addresses. */
export function parseSetEntries(text: string): Set<string> {
  const entries = new Set<string>();
  for (const [, entry] of text.matchAll(/^add \S+ (\S+)/gm)) entries.add(canonicalEntry(entry));
  return entries;
}

/** The same of a set whose entries expire, with the seconds that each has left; 0: no end. */
export function parseTimedEntries(text: string): Map<string, number> {
  const entries = new Map<string, number>();
  for (const [, entry, seconds] of text.matchAll(/^add \S+ (\S+)(?: timeout (\d+))?/gm)) {
    entries.set(canonicalEntry(entry), Number(seconds ?? 0));
  }
  return entries;
}

/**
 * What ipset prints of IPv4 is canonical. `::ffff:192.0.2.1` must not become IPv4, which a set of
 * IPv6 could not be asked to delete.
 */
function canonicalEntry(entry: string): string {
  const prefix = entry.includes(":") ? parsePrefix(entry) : undefined;
  return prefix?.family === 6 ? formatPrefix(prefix) : entry;
}
