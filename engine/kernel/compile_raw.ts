/** The part in `raw`: lists that are asked before connection tracking. */
import type { Family } from "../net/address.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import { byAddressFirst, listMatch, whiteMatch } from "./compile_lists.ts";
import { LIST_SETS, type ListSet } from "./names.ts";
import type { ChainPlan, HookPlan, Match, PlanRule, Side, TablePlan } from "./plan.ts";
import { blocking, blockListed, loopbackRule, table } from "./targets.ts";

/**
 * A list that is asked here blocks before connection tracking: what runs is cut at once, and that
 * costs least. The whitelist and the loopback device win, and are asked last all the same: only
 * about the few packets that would be blocked. Where no list is asked the table is not ours, for
 * even an empty one costs every packet a call.
 *
 * @param lists which lists to ask; also used while one policy replaces another
 * @param whitelist where it alone counts; else the set, which then holds that of both policies
 */
export function compileRaw(
  family: Family,
  lists: readonly ListSet[],
  group: number,
  whitelist?: PrefixList,
): TablePlan {
  const asked = LIST_SETS.filter((list) => lists.includes(list));
  if (blocking(asked).length === 0) return table("raw", [], [], group);
  const unless = (side: Side): Match[] =>
    asked.includes("white") ? [whiteMatch(whitelist, family, side, true)] : [];
  const rules = (side: Side): PlanRule[] =>
    blocking(asked).map((list) => ({
      // The address first, where it is one: `iptables-save` would tell it so anyway.
      matches: byAddressFirst([listMatch(list, family, side), ...unless(side)]),
      target: blockListed(list),
    }));
  const mains: ChainPlan[] = [
    { name: "PFW-PRE", rules: rules("src") },
    { name: "PFW-OUT", rules: [loopbackRule("out"), ...rules("dst")] },
  ];
  const hooks: HookPlan[] = [
    { hook: "PREROUTING", chain: "PFW-PRE" },
    { hook: "OUTPUT", chain: "PFW-OUT" },
  ];
  // What a packet came in by is compared as text, which costs as much as three other rules.
  return table("raw", mains, hooks, group, [loopbackRule("in")]);
}
