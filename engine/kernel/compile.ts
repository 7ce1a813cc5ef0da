/**
 * Policy to kernel plan: which lists are asked where, and the sets. `compile_raw.ts` and
 * `compile_filter.ts` make the two tables, `compile_rules.ts` the rules.
 */
import { FAMILIES, type Family } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { compileFilter } from "./compile_filter.ts";
import { listPrefixes, matchedLists } from "./compile_lists.ts";
import { compileRaw } from "./compile_raw.ts";
import { RuleSets } from "./compile_rules.ts";
import { LIST_SETS, type ListSet, listSetName } from "./names.ts";
import type { FamilyPlan, Generation, KernelPlan, SetPlan } from "./plan.ts";
import { compileRate, rateSet } from "./rate.ts";
import { blocking } from "./targets.ts";

/** What a plan depends on besides the policy. */
export interface PlanOptions {
  /** Number of the NFLOG group that gets the reports of dropped packets, 0 to 65,535. */
  readonly nflogGroup: number;
  /** Default: both. */
  readonly families?: readonly Family[];
  /** In which there are bans besides those of the policy; default: none. */
  readonly banned?: ReadonlySet<Family>;
  /** Marks connections that were judged; default: each packet is judged. */
  readonly generation?: Generation;
  /** Threat lists are asked before connection tracking, too; without a generation they always are. */
  readonly isFlooded?: boolean;
}

/**
 * The plan for a policy; the same policy and options always give the same plan.
 *
 * @throws PfwError where the kernel cannot do what the policy asks
 */
export function compilePlan(policy: Policy, options: PlanOptions): KernelPlan {
  const { families = FAMILIES, generation } = options;
  return { generation, families: families.map((family) => compileFamily(policy, family, options)) };
}

function compileFamily(policy: Policy, family: Family, options: PlanOptions): FamilyPlan {
  const { banned = new Set(), nflogGroup: group, generation, isFlooded } = options;
  const lists = matchedLists(policy, family, banned);
  const onceJudged = generation ? lists.filter(isAskedOnce) : [];
  const always = lists.filter((list) => !onceJudged.includes(list));
  const early = isFlooded ? lists : always;
  const ruleSets = new RuleSets(family);
  const filter = compileFilter(policy, family, {
    askedEarly: blocking(always),
    askedHere: blocking(onceJudged),
    generation,
    ruleSets,
    group,
  });
  const raw = compileRaw(family, early, group, policy.whitelist);
  return {
    family,
    lists: raw.hooks.length > 0 ? early : [],
    askedOnce: [...onceJudged.map((list) => listSet(policy, list, family)), ...ruleSets.plans()],
    raw,
    filter,
    sets: [
      ...LIST_SETS.map((list) => listSet(policy, list, family)),
      ...rateSets(policy, family),
      ...ruleSets.plans(),
    ],
  };
}

/**
 * What publishers list is long and changes by the hour, so it is asked once for each connection; a
 * change of it has all connections judged again. Bans and the blacklist come and go one by one, and
 * each cuts what runs at once: they are asked of every packet.
 */
function isAskedOnce(list: ListSet): boolean {
  return list === "threat";
}

function listSet(policy: Policy, list: ListSet, family: Family): SetPlan {
  return {
    name: listSetName(list, family),
    family,
    prefixes: listPrefixes(policy, list),
    timeout: list === "ban",
  };
}

function rateSets({ rateLimit }: Policy, family: Family): SetPlan[] {
  return rateLimit ? [rateSet(compileRate(rateLimit, family), family)] : [];
}
