/** What lies between two configurations, in the words of people: rules, lists, settings. */
import { quote } from "./field_problems.ts";
import { canonicalPrefix, ruleMeaning } from "./rule_id.ts";
import type { Config, ConfigRule } from "./schema.ts";

/** A rule and its number. */
export interface NumberedRule {
  readonly number: number;
  readonly rule: ConfigRule;
}

/** A rule of the same name that says something else. */
export interface ChangedRule {
  readonly from: NumberedRule;
  readonly to: NumberedRule;
  /** `ports 23 → 23,24`. */
  readonly fields: readonly string[];
}

/** A rule that stands elsewhere among those that stayed. */
export interface MovedRule {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Changes of a list of addresses, in canonical form. */
export interface ListDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** All of it; everything empty where both mean the same. */
export interface PolicyDiff {
  readonly rules: {
    readonly added: readonly NumberedRule[];
    readonly removed: readonly NumberedRule[];
    readonly changed: readonly ChangedRule[];
    readonly moved: readonly MovedRule[];
  };
  readonly whitelist: ListDiff;
  readonly blacklist: ListDiff;
  /** `default_policy "allow" → "block"`. */
  readonly settings: readonly string[];
}

/** Compares two configurations. */
export function diffPolicies(from: Config, to: Config): PolicyDiff {
  return {
    rules: diffRules(from.rules, to.rules),
    whitelist: diffLists(from.whitelist_ips, to.whitelist_ips),
    blacklist: diffLists(from.blacklist_ips, to.blacklist_ips),
    settings: diffFields(settings(from), settings(to)),
  };
}

/** Whether nothing changed. */
export function isSame({ rules, whitelist, blacklist, settings }: PolicyDiff): boolean {
  const lists = [
    rules.added,
    rules.removed,
    rules.changed,
    rules.moved,
    whitelist.added,
    whitelist.removed,
    blacklist.added,
    blacklist.removed,
    settings,
  ];
  return lists.every((list) => list.length === 0);
}

interface Pair {
  readonly from: NumberedRule;
  readonly to: NumberedRule;
}

function diffRules(from: readonly ConfigRule[], to: readonly ConfigRule[]): PolicyDiff["rules"] {
  const number = (rule: ConfigRule, at: number) => ({ number: at + 1, rule });
  const meaning = ({ rule }: NumberedRule) => `${rule.enabled} ${ruleMeaning(rule)}`;
  const same = pairUp(from.map(number), to.map(number), meaning);
  const named = pairUp(same.removed, same.added, ({ rule }) => rule.name);
  const changed = named.pairs.map((pair) => ({ ...pair, fields: changedFields(pair) }));
  return {
    added: named.added,
    removed: named.removed,
    changed,
    moved: movedAmong([...same.pairs, ...named.pairs]),
  };
}

/** Pairs those that have the same key, in their order; the others were removed or added. */
function pairUp(
  from: readonly NumberedRule[],
  to: readonly NumberedRule[],
  keyOf: (rule: NumberedRule) => string,
) {
  const waiting = Map.groupBy(from, keyOf);
  const pairs: Pair[] = [], added: NumberedRule[] = [];
  for (const rule of to) {
    const partner = waiting.get(keyOf(rule))?.shift();
    if (partner) pairs.push({ from: partner, to: rule });
    else added.push(rule);
  }
  const removed = [...waiting.values()].flat().sort((a, b) => a.number - b.number);
  return { pairs, added, removed };
}

function changedFields({ from, to }: Pair): string[] {
  const canonical = (rule: ConfigRule) => ({
    ...rule,
    source_ips: rule.source_ips.map(canonicalPrefix),
    destination_ips: rule.destination_ips.map(canonicalPrefix),
  });
  return diffFields(canonical(from.rule), canonical(to.rule));
}

/** The fewest rules whose move explains the order: all but a longest increasing subsequence. */
function movedAmong(pairs: readonly Pair[]): MovedRule[] {
  const ordered = pairs.toSorted((a, b) => a.to.number - b.to.number);
  const stayed = longestIncreasing(ordered.map(({ from }) => from.number));
  return ordered.flatMap(({ from, to }, at) =>
    stayed.has(at) ? [] : [{ name: to.rule.name, from: from.number, to: to.number }]
  );
}

/** Places of a longest increasing subsequence (patience sorting). */
function longestIncreasing(numbers: readonly number[]): Set<number> {
  const tops: number[] = [], before: number[] = [];
  numbers.forEach((number, at) => {
    let low = 0, high = tops.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numbers[tops[middle]] < number) low = middle + 1;
      else high = middle;
    }
    before[at] = low > 0 ? tops[low - 1] : -1;
    tops[low] = at;
  });
  const places = new Set<number>();
  for (let at = tops.at(-1) ?? -1; at >= 0; at = before[at]) places.add(at);
  return places;
}

function diffLists(from: readonly string[], to: readonly string[]): ListDiff {
  const before = new Set(from.map(canonicalPrefix)), after = new Set(to.map(canonicalPrefix));
  return {
    added: [...after.difference(before)],
    removed: [...before.difference(after)],
  };
}

/** Everything beside rules and lists, one level deep. */
function settings(config: Config): Record<string, unknown> {
  const { $schema: _, rules: _rules, whitelist_ips: _white, blacklist_ips: _black, ...rest } =
    config;
  const { rate_limit, logging, threat_feeds, ...plain } = rest;
  const prefixed = (prefix: string, group: Record<string, unknown>) =>
    Object.entries(group).map(([key, value]) => [`${prefix}.${key}`, value]);
  const feeds = threat_feeds.map((feed) => [`threat_feeds ${quote(feed.name)}`, feed]);
  return {
    ...plain,
    ...Object.fromEntries(prefixed("rate_limit", rate_limit)),
    ...Object.fromEntries(prefixed("logging", logging)),
    ...Object.fromEntries(feeds),
  };
}

/** Longest text of a value in a difference. */
const VALUE_LENGTH = 80;

function diffFields(from: Record<string, unknown>, to: Record<string, unknown>): string[] {
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...keys].flatMap((key) => {
    const [before, after] = [valueText(from[key]), valueText(to[key])];
    if (before.whole === after.whole) return [];
    return [`${key} ${before.short} → ${after.short}`];
  });
}

function valueText(value: unknown): { whole: string; short: string } {
  const whole = value === undefined ? "none" : JSON.stringify(value);
  const isLong = whole.length > VALUE_LENGTH;
  const count = Array.isArray(value) ? `${value.length} entries` : "";
  return { whole, short: isLong ? count || `${whole.slice(0, VALUE_LENGTH - 1)}…` : whole };
}
