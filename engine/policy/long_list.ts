/**
 * What is known of long lists of addresses: what a list means and how it is written is worked out
 * once, and for a list that comes of it by a change it follows from the change. A list of 120,000
 * addresses takes a tenth of a second to be read, and a change of one rule leaves it as it is.
 *
 * Known by the array itself: an array of addresses is never changed in place.
 */
import { addressBits, parsePrefix, type Prefix } from "../net/address.ts";
import { PrefixList } from "../net/prefix_list.ts";
import { canonicalPrefix } from "./rule_id.ts";

/** From so many entries on a list is long: it never fits a line, and is worth remembering. */
export const LONG_LIST = 1_000;
/** At most so many entries come or go at once for the rest to be kept. */
const FEW = 32;

interface Known {
  prefixes?: PrefixList;
  text?: string;
  /** Whether every entry is written in the one spelling that `canonicalPrefix` gives. */
  isCanonical?: boolean;
  /** Every entry was found to be an address. */
  isChecked?: boolean;
}

const lists = new WeakMap<readonly string[], Known>();

function knownOf(entries: readonly string[]): Known {
  const known = lists.get(entries) ?? {};
  lists.set(entries, known);
  return known;
}

/** The prefixes of a list. */
export function prefixesOf(entries: readonly string[]): PrefixList {
  if (entries.length < LONG_LIST) return PrefixList.parse(entries);
  return knownOf(entries).prefixes ??= PrefixList.parse(entries);
}

/** Notes that every entry of a list is an address. */
export function noteChecked(entries: readonly string[]): void {
  if (entries.length >= LONG_LIST) knownOf(entries).isChecked = true;
}

/** Whether this is a long list of which every entry is known to be an address. */
export function isKnownGood(entries: readonly unknown[]): boolean {
  return lists.get(entries as readonly string[])?.isChecked === true;
}

/** How a long list is written in the configuration: one entry a line, below a key of its top. */
export function longListText(entries: readonly string[]): string {
  return knownOf(entries).text ??= `${OPEN}${
    entries.map((entry) => JSON.stringify(entry)).join(BETWEEN)
  }${CLOSE}`;
}

const OPEN = "[\n    ", BETWEEN = ",\n    ", CLOSE = "\n  ]";

/** Whether an entry means this prefix, which is given in canonical form. */
export function hasEntry(entries: readonly string[], prefix: string): boolean {
  return entries.includes(prefix) ||
    (!isCanonical(entries) && entries.some((entry) => canonicalPrefix(entry) === prefix));
}

function isCanonical(entries: readonly string[]): boolean {
  if (entries.length < LONG_LIST) return false;
  return knownOf(entries).isCanonical ??= entries.every((entry) =>
    // Strict IPv4 has one spelling; only masks and IPv6 have more.
    /^[\d.]*$/.test(entry) || canonicalPrefix(entry) === entry
  );
}

/** The list with these entries at its end, which are canonical and not in it. */
export function withEntries(entries: readonly string[], added: readonly string[]): string[] {
  const result = [...entries, ...added];
  const known = lists.get(entries), prefixes = added.map(parsePrefix);
  if (!known || !prefixes.every((prefix) => prefix !== undefined)) return result;
  const { isChecked, isCanonical, text } = known;
  if (added.length > FEW) return noted(result, { isChecked });
  const plus = (list: PrefixList) => prefixes.reduce((list, prefix) => list.plus(prefix), list);
  return noted(result, {
    isChecked,
    isCanonical,
    prefixes: known.prefixes && plus(known.prefixes),
    text: text && text.slice(0, -CLOSE.length) +
        added.map((entry) => BETWEEN + JSON.stringify(entry)).join("") + CLOSE,
  });
}

/** The list without the entries that mean one of these prefixes, which are in canonical form. */
export function withoutEntries(entries: readonly string[], removed: readonly string[]): string[] {
  const isPlain = isCanonical(entries), areFew = removed.length <= FEW;
  const gone = new Set(removed);
  const result = isPlain && areFew
    ? withoutTexts(entries, gone)
    : entries.filter((entry) => !gone.has(isPlain ? entry : canonicalPrefix(entry)));
  const known = lists.get(entries);
  if (!known || result.length < LONG_LIST) return result;
  const { isChecked, prefixes, text } = known;
  if (!isPlain || !areFew) return noted(result, { isChecked });
  return noted(result, {
    isChecked,
    isCanonical: true,
    prefixes: prefixes && withoutAddresses(prefixes, removed),
    text: text && withoutLines(text, removed),
  });
}

/** To find few texts and to copy what lies between is faster than to ask about each entry. */
function withoutTexts(entries: readonly string[], texts: Iterable<string>): string[] {
  let result = [...entries];
  for (const entry of texts) {
    for (let at = result.indexOf(entry); at >= 0; at = result.indexOf(entry, at)) {
      result = result.toSpliced(at, 1);
    }
  }
  return result;
}

function noted(entries: string[], known: Known): string[] {
  lists.set(entries, known);
  return entries;
}

/** `undefined` where something wider than an address goes: it may have covered others. */
function withoutAddresses(
  list: PrefixList,
  removed: readonly string[],
): PrefixList | undefined {
  const prefixes = removed.map(parsePrefix);
  const isAddress = (prefix: Prefix | undefined): prefix is Prefix =>
    prefix?.length === addressBits(prefix?.family ?? 4);
  if (!prefixes.every(isAddress)) return undefined;
  return prefixes.reduce((list, address) => list.minus(address), list);
}

function withoutLines(text: string, removed: readonly string[]): string | undefined {
  for (const entry of removed) {
    const line = `\n    ${JSON.stringify(entry)}`;
    // More than one where an entry was repeated.
    for (;;) {
      const inside = text.indexOf(`${line},`);
      if (inside >= 0) {
        text = text.slice(0, inside) + text.slice(inside + line.length + 1);
      } else if (text.endsWith(`,${line}${CLOSE}`)) {
        text = text.slice(0, -(line.length + 1 + CLOSE.length)) + CLOSE;
      } else break;
    }
  }
  return text;
}
