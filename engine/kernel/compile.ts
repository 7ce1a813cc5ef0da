/** Policy to kernel plan: the skeleton of both tables; `compile_rules.ts` does the rules. */
import { FAMILIES, type Family } from "../net/address.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import type { Policy } from "../policy/policy.ts";
import type { ReasonCode } from "../policy/verdict.ts";
import {
  byAddressFirst,
  listMatch,
  listPrefixes,
  matchedLists,
  spared,
  whiteMatch,
} from "./compile_lists.ts";
import { compileRules, type MainChain, RuleSets } from "./compile_rules.ts";
import {
  allowChain,
  dropChain,
  LIST_SETS,
  type ListSet,
  listSetName,
  nflogPrefix,
  SET_PREFIX,
} from "./names.ts";
import type {
  ChainPlan,
  FamilyPlan,
  HookPlan,
  KernelPlan,
  Match,
  PlanRule,
  SetPlan,
  Side,
  TableName,
  TablePlan,
  Target,
} from "./plan.ts";
import { compileRate, rateRules, rateSet } from "./rate.ts";
import { ruleChains, rulesChain } from "./rule_chains.ts";

/** What a plan depends on besides the policy. */
export interface PlanOptions {
  /** Number of the NFLOG group that gets the reports of dropped packets, 0 to 65,535. */
  readonly nflogGroup: number;
  /** Default: both. */
  readonly families?: readonly Family[];
  /** In which there are bans besides those of the policy; default: none. */
  readonly banned?: ReadonlySet<Family>;
}

/**
 * The plan for a policy; the same policy always gives the same plan.
 *
 * @throws PfwError where the kernel cannot do what the policy asks
 */
export function compilePlan(policy: Policy, options: PlanOptions): KernelPlan {
  const { families = FAMILIES, banned = new Set(), nflogGroup } = options;
  return {
    families: families.map((family) =>
      compileFamily(policy, family, matchedLists(policy, family, banned), nflogGroup)
    ),
  };
}

function compileFamily(
  policy: Policy,
  family: Family,
  lists: readonly ListSet[],
  group: number,
): FamilyPlan {
  const ruleSets = new RuleSets(family);
  const filter = compileFilter(policy, family, lists, ruleSets, group);
  return {
    family,
    lists,
    raw: compileRaw(family, lists, group, policy.whitelist),
    filter,
    sets: [...listSets(policy, family), ...rateSets(policy, family), ...ruleSets.plans()],
  };
}

function listSets(policy: Policy, family: Family): SetPlan[] {
  return LIST_SETS.map((list) => ({
    name: listSetName(list, family),
    family,
    prefixes: listPrefixes(policy, list),
    timeout: list === "ban",
  }));
}

function rateSets({ rateLimit }: Policy, family: Family): SetPlan[] {
  return rateLimit ? [rateSet(compileRate(rateLimit, family), family)] : [];
}

/**
 * A report costs as much as half a drop. Under a flood so many of them tell what goes on; how many
 * packets it was is counted by the drops themselves.
 */
const REPORTS_EACH_SECOND = 50_000, REPORTS_AT_ONCE = 20_000;

const REPORTED: Match = {
  kind: "packets_below_together",
  table: `${SET_PREFIX}reports-${REPORTS_EACH_SECOND}`,
  perSecond: REPORTS_EACH_SECOND,
  burst: REPORTS_AT_ONCE,
};

/**
 * A list has a limit of its own, of the kind that costs a third as much to ask: it is what stands
 * against the largest floods.
 */
const REPORTED_OF_LIST: Match = { kind: "packets_below", perSecond: 10_000, burst: 10_000 };

const RETURN: Target = { kind: "return" };

/** The lists that block; the whitelist has no target of its own. */
type BlockingList = Exclude<ListSet, "white">;

const LIST_REASONS: Record<BlockingList, ReasonCode> = {
  black: "blacklist",
  ban: "ban",
  threat: "threat",
};

function blocking(lists: readonly ListSet[]): BlockingList[] {
  return lists.filter((list): list is BlockingList => list !== "white");
}

function blockListed(list: BlockingList): Target {
  return block(LIST_REASONS[list]);
}

function block(reason: ReasonCode): Target {
  return { kind: "block", reason, ruleId: undefined };
}

function loopbackRule(direction: "in" | "out"): PlanRule {
  return { matches: [{ kind: "interface", direction, name: "lo" }], target: RETURN };
}

/**
 * The part in `raw`: lists are asked before connection tracking, so a block also cuts running
 * connections, covers what a container published, and costs least. The whitelist and the loopback
 * device win, and are asked last all the same: only about the few packets that would be blocked.
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

function compileFilter(
  policy: Policy,
  family: Family,
  lists: readonly ListSet[],
  sets: RuleSets,
  group: number,
): TablePlan {
  const mains: MainChain[] = ["PFW-IN", "PFW-OUT", "PFW-FWD"];
  const chains = mains.flatMap((name): ChainPlan[] => [
    { name, rules: mainRules(policy, family, lists, name) },
    ...ruleChains(name, compileRules(policy.rules, family, name, sets), defaultRules(policy)),
  ]);
  return table(
    "filter",
    [...chains, { name: NEW_CHAIN, rules: newRules(policy, family) }],
    [
      { hook: "INPUT", chain: "PFW-IN" },
      { hook: "OUTPUT", chain: "PFW-OUT" },
      { hook: "FORWARD", chain: "PFW-FWD" },
    ],
    group,
  );
}

/** `raw` has blocked sources; where forwarded packets go is asked here. */
function forwardedLists(policy: Policy, family: Family, lists: readonly ListSet[]): PlanRule[] {
  return [
    ...whiteRules(policy, family, "src"),
    ...whiteRules(policy, family, "dst"),
    ...blocking(lists).map((list) => ({
      matches: [listMatch(list, family, "dst")],
      target: blockListed(list),
    })),
  ];
}

function whiteRules({ whitelist }: Policy, family: Family, side: Side): PlanRule[] {
  if (spared(whitelist, family).length === 0) return [];
  return [{ matches: [whiteMatch(whitelist, family, side)], target: RETURN }];
}

/**
 * What IPv6 cannot live without (RFC 4890, section 4.4): packet too big, router and neighbour
 * discovery with redirect. Connection tracking never takes these for packets of a connection.
 */
const VITAL_ICMPV6 = [2, 133, 134, 135, 136, 137];

/**
 * What a main chain asks before the rules. These speak of who opened the connection: every packet in
 * that direction is judged, not the first alone, so a new rule also cuts what already runs.
 *
 * Nearly every packet belongs to a connection: the fewer questions it is asked the better, so what
 * none of its packets can be comes after it.
 */
function mainRules(
  policy: Policy,
  family: Family,
  lists: readonly ListSet[],
  chain: MainChain,
): PlanRule[] {
  const vital = family === 6 ? VITAL_ICMPV6.map(vitalRule) : [];
  const judge: Target = { kind: "goto", chain: rulesChain(chain) };
  const reply: PlanRule = { matches: [{ kind: "reply" }], target: RETURN };
  const rest: PlanRule = { matches: [], target: judge };
  if (chain === "PFW-OUT") {
    return [...whiteRules(policy, family, "dst"), reply, loopbackRule("out"), ...vital, rest];
  }
  return [
    ...chain === "PFW-IN"
      ? [loopbackRule("in"), ...whiteRules(policy, family, "src")]
      : forwardedLists(policy, family, lists),
    { matches: [{ kind: "established_original" }], target: judge },
    { matches: [{ kind: "state", states: ["ESTABLISHED"] }], target: RETURN },
    ...vital,
    { matches: [], target: { kind: "jump", chain: NEW_CHAIN } },
    reply,
    rest,
  ];
}

function vitalRule(type: number): PlanRule {
  return { matches: [{ kind: "icmpv6_type", type }], target: RETURN };
}

/**
 * What only concerns packets that belong to no connection yet. Most packets belong to one: they
 * pass one rule instead of all of these.
 */
const NEW_CHAIN = "PFW-NEW";

function newRules({ rateLimit }: Policy, family: Family): PlanRule[] {
  return [
    { matches: [{ kind: "state", states: ["INVALID"] }], target: block("invalid") },
    ...(rateLimit ? rateRules(compileRate(rateLimit, family), block("rate_limit")) : []),
  ];
}

function defaultRules(policy: Policy): PlanRule[] {
  if (policy.defaultAction === "allow") return [];
  return [
    { matches: [{ kind: "state", states: ["ESTABLISHED", "RELATED"] }], target: RETURN },
    { matches: [], target: block("default_policy") },
  ];
}

/** @param spared what is not blocked after all; asked of what would be, before it is reported */
function table(
  name: TableName,
  mains: readonly ChainPlan[],
  hooks: readonly HookPlan[],
  group: number,
  spared: readonly PlanRule[] = [],
): TablePlan {
  const targets = new Map<string, ChainPlan>();
  for (const { target } of mains.flatMap((chain) => chain.rules)) {
    const chain = targetChain(target, group, spared);
    if (chain) targets.set(chain.name, chain);
  }
  return { name, hooks, mains, targets: [...targets.values()] };
}

function targetChain(
  target: Target,
  group: number,
  spared: readonly PlanRule[],
): ChainPlan | undefined {
  if (target.kind === "allow") {
    return { name: allowChain(target.ruleId), rules: [{ matches: [], target: RETURN }] };
  }
  if (target.kind !== "block") return undefined;
  const { reason, ruleId } = target;
  const isListed = Object.values(LIST_REASONS).includes(reason);
  const report: Target = { kind: "nflog", group, prefix: nflogPrefix(reason, ruleId) };
  return {
    name: dropChain(reason, ruleId),
    rules: [
      ...spared,
      { matches: [isListed ? REPORTED_OF_LIST : REPORTED], target: report },
      { matches: [], target: { kind: "drop" } },
    ],
  };
}
