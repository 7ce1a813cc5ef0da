/** The id of a rule: what its kernel counter and its rows in the database are named by. */
import { formatPrefix, parsePrefix } from "../net/address.ts";
import { parsePortRange } from "./field_problems.ts";
import type { PortRange } from "./policy.ts";
import type { ConfigRule } from "./schema.ts";

/** Ports and ranges as the configuration has them: sorted, overlapping and adjacent ones merged. */
export function mergePorts(ports: readonly (number | string)[]): PortRange[] {
  const ranges = ports.map((port) => parsePortRange(String(port)))
    .filter((range) => range !== undefined)
    .sort((a, b) => a.first - b.first);
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of ranges) {
    const before = merged.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else merged.push({ first, last });
  }
  return merged;
}

/**
 * What a rule means, as one text: equal for two spellings of the same rule. Whether it is enabled
 * and where it stands are no part of it, so that its counter survives a move.
 */
export function ruleMeaning(rule: ConfigRule): string {
  const prefixes = (texts: readonly string[]) =>
    texts.map(canonicalPrefix).sort().filter((text, at, all) => text !== all[at - 1]);
  const ports = mergePorts(rule.ports).map(({ first, last }) => [first, last]);
  const addresses = [prefixes(rule.source_ips), prefixes(rule.destination_ips)];
  return JSON.stringify([
    rule.name,
    rule.action,
    rule.protocol,
    rule.direction,
    ports,
    ...addresses,
  ]);
}

/** The one spelling of an address or CIDR range; text that is neither stays as it is. */
export function canonicalPrefix(text: string): string {
  const prefix = parsePrefix(text);
  return prefix ? formatPrefix(prefix) : text;
}

/**
 * Eight hex digits for each rule. Rules that mean the same share theirs; two that do not never do:
 * of 10,000 rules about one pair in a hundred files would collide, and the later one is hashed again.
 */
export function ruleIds(rules: readonly ConfigRule[]): string[] {
  const meaningOf = new Map<string, string>();
  return rules.map((rule) => {
    const meaning = ruleMeaning(rule);
    let id = fnv1a(meaning);
    for (let salt = 1; (meaningOf.get(id) ?? meaning) !== meaning; salt++) {
      id = fnv1a(`${salt} ${meaning}`);
    }
    meaningOf.set(id, meaning);
    return id;
  });
}

/** FNV-1a, 32 bits, over UTF-16 units, as eight hex digits. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
