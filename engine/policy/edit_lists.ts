/** Changes to the whitelist and the blacklist. */
import { covers, type PrefixList } from "../net/prefix_list.ts";
import { formatPrefix, parsePrefix } from "../net/address.ts";
import { ExitCode, PfwError } from "../errors.ts";
import { hasEntry, prefixesOf, withEntries, withoutEntries } from "./long_list.ts";
import { canonicalPrefix } from "./rule_id.ts";
import { type ConfigDraft, configSchema } from "./schema.ts";

/** The two lists of addresses. */
export type ListName = "whitelist" | "blacklist";

/** The key of a list in the configuration. */
export function keyOfList(list: ListName): "whitelist_ips" | "blacklist_ips" {
  return `${list}_ips`;
}

/** What adding addresses did; texts in canonical form. */
export interface AddedAddresses {
  readonly added: readonly string[];
  readonly alreadyThere: readonly string[];
  /** Added ones that overlap the other list, where the whitelist wins. */
  readonly overlapping: readonly Overlap[];
}

/** An address and the entry of the other list that it overlaps. */
export interface Overlap {
  readonly address: string;
  readonly entry: string;
}

/** The addresses of a list as the file has them, or its default. */
export function listOf(draft: ConfigDraft, list: ListName): readonly string[] {
  return draft[keyOfList(list)] ?? configSchema.parse({})[keyOfList(list)];
}

/** Adds addresses, which the caller has checked, at the end of a list. */
export function addAddresses(
  draft: ConfigDraft,
  list: ListName,
  addresses: readonly string[],
): AddedAddresses {
  const entries = listOf(draft, list);
  const isPresent = presence(entries, addresses.length);
  const fresh = new Set<string>(), added: string[] = [], alreadyThere: string[] = [];
  for (const address of addresses.map(canonicalPrefix)) {
    (fresh.has(address) || isPresent(address) ? alreadyThere : added).push(address);
    fresh.add(address);
  }
  if (added.length > 0) draft[keyOfList(list)] = withEntries(entries, added);
  const other = listOf(draft, list === "whitelist" ? "blacklist" : "whitelist");
  return { added, alreadyThere, overlapping: overlaps(added, prefixesOf(other)) };
}

/** More questions to a list than that, and it is put into a set first. */
const FEW_QUESTIONS = 16;

/** Tells whether a prefix in canonical form is among the entries. */
function presence(entries: readonly string[], questions: number): (prefix: string) => boolean {
  if (questions <= FEW_QUESTIONS) return (prefix) => hasEntry(entries, prefix);
  const present = new Set(entries.map(canonicalPrefix));
  return (prefix) => present.has(prefix);
}

/**
 * Removes addresses.
 *
 * @returns the removed ones in canonical form
 * @throws PfwError (exit 1) when one of them is not in the list; then none is removed
 */
export function removeAddresses(
  draft: ConfigDraft,
  list: ListName,
  addresses: readonly string[],
): string[] {
  const entries = listOf(draft, list);
  const wanted = [...new Set(addresses.map(canonicalPrefix))];
  const isPresent = presence(entries, wanted.length);
  const missing = wanted.filter((address) => !isPresent(address));
  if (missing.length > 0) throw notInList(list, missing, entries);
  if (wanted.length > 0) draft[keyOfList(list)] = withoutEntries(entries, wanted);
  return wanted;
}

function notInList(
  list: ListName,
  missing: readonly string[],
  entries: readonly string[],
): PfwError {
  const [overlap] = overlaps(missing, prefixesOf(entries));
  const names = missing.slice(0, 3).join(", ") + (missing.length > 3 ? ", …" : "");
  const verb = missing.length === 1 ? "is" : "are";
  const hint = overlap ? ` (${overlap.address} lies in or around ${overlap.entry})` : "";
  return new PfwError(
    `cannot remove from the ${list}`,
    `${names} ${verb} not in it${hint}`,
    `nothing was removed; see pfw ${list} list`,
    ExitCode.failed,
  );
}

/** For each address the first entry of the list that it lies in or that lies in it. */
export function overlaps(addresses: readonly string[], list: PrefixList): Overlap[] {
  const found: Overlap[] = [];
  for (const address of addresses) {
    const prefix = parsePrefix(address);
    if (!prefix) continue;
    // In sorted, disjoint prefixes only the neighbours of where it would stand can overlap.
    const rank = list.rank(prefix);
    const entry = [rank - 1, rank].filter((at) => at >= 0 && at < list.count(prefix.family))
      .map((at) => list.at(prefix.family, at))
      .find((entry) => covers(entry, prefix) || covers(prefix, entry));
    if (entry) found.push({ address, entry: formatPrefix(entry) });
  }
  return found;
}
