/** Changes to the whitelist and the blacklist. */
import { comparePrefixes, covers, PrefixList } from "../net/prefix_list.ts";
import { type Family, formatPrefix, parsePrefix, type Prefix } from "../net/address.ts";
import { ExitCode, PfwError } from "../errors.ts";
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
  const present = new Set(listOf(draft, list).map(canonicalPrefix));
  const added: string[] = [], alreadyThere: string[] = [];
  for (const address of addresses.map(canonicalPrefix)) {
    (present.has(address) ? alreadyThere : added).push(address);
    present.add(address);
  }
  if (added.length > 0) draft[keyOfList(list)] = [...listOf(draft, list), ...added];
  const other = listOf(draft, list === "whitelist" ? "blacklist" : "whitelist");
  return { added, alreadyThere, overlapping: overlaps(added, PrefixList.parse(other)) };
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
  const present = new Set(entries.map(canonicalPrefix));
  const wanted = new Set(addresses.map(canonicalPrefix));
  const missing = [...wanted].filter((address) => !present.has(address));
  if (missing.length > 0) throw notInList(list, missing, entries);
  draft[keyOfList(list)] = entries.filter((entry) => !wanted.has(canonicalPrefix(entry)));
  return [...wanted];
}

function notInList(
  list: ListName,
  missing: readonly string[],
  entries: readonly string[],
): PfwError {
  const [overlap] = overlaps(missing, PrefixList.parse(entries));
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
  const entries = new Map<Family, Prefix[]>();
  const found: Overlap[] = [];
  for (const address of addresses) {
    const prefix = parsePrefix(address);
    if (!prefix) continue;
    let ofFamily = entries.get(prefix.family);
    if (!ofFamily) entries.set(prefix.family, ofFamily = [...list.prefixes(prefix.family)]);
    const entry = overlapping(ofFamily, prefix);
    if (entry) found.push({ address, entry: formatPrefix(entry) });
  }
  return found;
}

/** In sorted, disjoint prefixes only the neighbours of where `prefix` would stand can overlap. */
function overlapping(sorted: readonly Prefix[], prefix: Prefix): Prefix | undefined {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePrefixes(sorted[middle], prefix) < 0) low = middle + 1;
    else high = middle;
  }
  return [sorted[low - 1], sorted[low]].find((entry) =>
    entry !== undefined && (covers(entry, prefix) || covers(prefix, entry))
  );
}
