/** Which lists packets are looked up in, and by what a packet is found in one. */
import type { Family, Prefix } from "../net/address.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import type { Policy } from "../policy/policy.ts";
import { LIST_SETS, type ListSet, listSetName } from "./names.ts";
import type { Match, Side } from "./plan.ts";

/** The lists that packets are looked up in. An empty set costs every packet a call: it is left out. */
export function matchedLists(
  policy: Policy,
  family: Family,
  banned: ReadonlySet<Family>,
): ListSet[] {
  return LIST_SETS.filter((list) => {
    if (list === "white") return spared(policy.whitelist, family).length > 0;
    return listPrefixes(policy, list).count(family) > 0 || (list === "ban" && banned.has(family));
  });
}

/**
 * The first two prefixes of the whitelist that packets are asked about. Addresses of loopback are
 * not among them: what comes by that device passes anyway, and by another one nobody can have them.
 */
export function spared(whitelist: PrefixList, family: Family): Prefix[] {
  const found: Prefix[] = [];
  for (const prefix of whitelist.prefixes(family)) {
    if (!isLoopback(prefix)) found.push(prefix);
    if (found.length === 2) break;
  }
  return found;
}

/** 127.0.0.0/8 (RFC 1122, section 3.2.1.3) and ::1 (RFC 4291, section 2.5.3), or a part of it. */
function isLoopback({ family, words, length }: Prefix): boolean {
  if (family === 4) return length >= 8 && words[0] >>> 24 === 127;
  return length === 128 && words.every((word, at) => word === Number(at === 3));
}

/** What a list of the policy holds. */
export function listPrefixes(policy: Policy, list: ListSet) {
  return {
    white: policy.whitelist,
    black: policy.blacklist,
    ban: policy.bans,
    threat: policy.threats,
  }[list];
}

/** Holds for a packet whose address is in the list. */
export function listMatch(list: ListSet, family: Family, side: Side, isNegated = false): Match {
  return { kind: "set", set: listSetName(list, family), side, isNegated };
}

/** One address alone is compared: that costs a fraction of asking a set. */
export function whiteMatch(
  whitelist: PrefixList | undefined,
  family: Family,
  side: Side,
  isNegated = false,
): Match {
  const prefixes = whitelist ? spared(whitelist, family) : [];
  return prefixes.length === 1 && prefixes[0].length > 0
    ? { kind: "address", side, prefix: prefixes[0], isNegated }
    : listMatch("white", family, side, isNegated);
}

/** In the order in which `iptables-save` tells them. */
export function byAddressFirst(matches: readonly Match[]): Match[] {
  return matches.toSorted((a, b) => Number(b.kind === "address") - Number(a.kind === "address"));
}
