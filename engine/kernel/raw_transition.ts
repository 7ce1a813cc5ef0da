/** `raw` while one policy takes the place of another: it asks the lists of both. */
import { formatPrefix, parsePrefix } from "../net/address.ts";
import { compileRaw } from "./compile_raw.ts";
import { LIST_SETS, type ListSet, listSetName } from "./names.ts";
import type { FamilyPlan, TablePlan } from "./plan.ts";
import { renderChainRules } from "./render_iptables.ts";
import { isOurs, type SavedTable } from "./saved_state.ts";

/**
 * The plan for `raw` until no entry is left in a set that the new policy does not want; the plan
 * itself where that does. A whitelist that is compared as one address is another rule each time: in
 * between the set is asked, which holds what both policies let pass.
 *
 * @param saved what the kernel asks now
 */
export function transitionalRaw(
  plan: FamilyPlan,
  saved: SavedTable | undefined,
  nflogGroup: number,
): TablePlan {
  const rules = [...saved?.values() ?? []].filter(isOurs)
    .flatMap((chain) => chain.rules.map(({ text }) => text));
  const wanted = plan.raw.mains.flatMap(renderChainRules);
  const old = LIST_SETS.filter((list) => asks(rules, list, plan));
  const isSame = sparedIn(rules) === sparedIn(wanted);
  if (isSame && old.every((list) => plan.lists.includes(list))) return plan.raw;
  const white: ListSet[] = sparedIn(rules) + sparedIn(wanted) === "" ? [] : ["white"];
  return compileRaw(plan.family, [...plan.lists, ...old, ...white], nflogGroup);
}

function asks(rules: readonly string[], list: ListSet, { family }: FamilyPlan): boolean {
  return rules.some((rule) => rule.includes(`--match-set ${listSetName(list, family)} `));
}

/** The addresses that rules are not about. */
function sparedIn(rules: readonly string[]): string {
  const found = new Set<string>();
  for (const rule of rules) {
    const text = /! -[sd] (\S+)/.exec(rule)?.[1];
    const prefix = text === undefined ? undefined : parsePrefix(text);
    if (prefix) found.add(formatPrefix(prefix));
  }
  return [...found].sort().join();
}
