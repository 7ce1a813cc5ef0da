/** The part in `filter`: what is asked once connection tracking has looked at a packet. */
import type { Family } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { listMatch, spared, whiteMatch } from "./compile_lists.ts";
import { compileRules, type MainChain, type RuleSets } from "./compile_rules.ts";
import { judgeChains, judgedRule, judgeTarget } from "./judged.ts";
import type { ChainPlan, Generation, PlanRule, Side, TablePlan } from "./plan.ts";
import { compileRate, rateRules } from "./rate.ts";
import { ruleChains, rulesChain } from "./rule_chains.ts";
import { block, type BlockingList, blockListed, loopbackRule, RETURN, table } from "./targets.ts";

/** What `filter` is made of besides policy and family. */
export interface FilterOptions {
  /** The lists that `raw` asks of every packet, of a forwarded one about its source. */
  readonly askedEarly: readonly BlockingList[];
  /** The other ones, asked of what is not judged yet. */
  readonly askedHere: readonly BlockingList[];
  /** Marks connections that were judged; `undefined`: each packet is. */
  readonly generation: Generation | undefined;
  readonly ruleSets: RuleSets;
  /** Number of the NFLOG group. */
  readonly group: number;
}

const MAINS: readonly MainChain[] = ["PFW-IN", "PFW-OUT", "PFW-FWD"];

/** The chains of `filter`. */
export function compileFilter(policy: Policy, family: Family, options: FilterOptions): TablePlan {
  const { ruleSets, generation, group } = options;
  const chains = MAINS.flatMap((name): ChainPlan[] => [
    { name, rules: mainRules(policy, family, name, options) },
    ...ruleChains(name, compileRules(policy.rules, family, name, ruleSets), defaultRules(policy)),
  ]);
  return table(
    "filter",
    [...chains, ...judgeChains(MAINS, generation), {
      name: NEW_CHAIN,
      rules: newRules(policy, family),
    }],
    [
      { hook: "INPUT", chain: "PFW-IN" },
      { hook: "OUTPUT", chain: "PFW-OUT" },
      { hook: "FORWARD", chain: "PFW-FWD" },
    ],
    group,
  );
}

function whiteRules({ whitelist }: Policy, family: Family, side: Side): PlanRule[] {
  if (spared(whitelist, family).length === 0) return [];
  return [{ matches: [whiteMatch(whitelist, family, side)], target: RETURN }];
}

function listRules(lists: readonly BlockingList[], family: Family, side: Side): PlanRule[] {
  return lists.map((list) => ({
    matches: [listMatch(list, family, side)],
    target: blockListed(list),
  }));
}

/**
 * What IPv6 cannot live without (RFC 4890, section 4.4): packet too big, router and neighbour
 * discovery with redirect. Connection tracking never takes these for packets of a connection.
 */
const VITAL_ICMPV6 = [2, 133, 134, 135, 136, 137];

/**
 * What a main chain asks before the rules. These speak of who opened the connection, and a new one
 * also cuts what already runs.
 *
 * Nearly every packet belongs to a connection: the fewer questions it is asked the better, so what
 * none of its packets can be comes after it. A connection is judged in the direction that opened it;
 * that its answers come from no listed address is then known too, for they come from where it went.
 */
function mainRules(
  policy: Policy,
  family: Family,
  chain: MainChain,
  options: FilterOptions,
): PlanRule[] {
  const { generation } = options;
  const judge: PlanRule = {
    matches: [{ kind: "established_original" }],
    target: judgeTarget(chain, generation),
  };
  const reply: PlanRule = { matches: [{ kind: "reply" }], target: RETURN };
  const vital = family === 6 ? VITAL_ICMPV6.map(vitalRule) : [];
  const rest: PlanRule = { matches: [], target: { kind: "goto", chain: rulesChain(chain) } };
  const before = beforeStates(policy, family, chain, options);
  if (chain === "PFW-OUT") {
    return [...before, reply, ...generation ? [judge] : [], ...vital, rest];
  }
  return [
    ...before,
    judge,
    { matches: [{ kind: "state", states: ["ESTABLISHED"] }], target: RETURN },
    ...vital,
    { matches: [], target: { kind: "jump", chain: NEW_CHAIN } },
    reply,
    rest,
  ];
}

/** What is asked of packets whatever they are to their connection. */
function beforeStates(
  policy: Policy,
  family: Family,
  chain: MainChain,
  { askedEarly, askedHere, generation }: FilterOptions,
): PlanRule[] {
  const judged = generation ? [judgedRule(generation)] : [];
  const white = (side: Side) => whiteRules(policy, family, side);
  const here = (side: Side) => listRules(askedHere, family, side);
  switch (chain) {
    case "PFW-IN":
      return [...judged, loopbackRule("in"), ...white("src"), ...here("src")];
    case "PFW-OUT":
      return [...judged, ...white("dst"), loopbackRule("out"), ...here("dst")];
    case "PFW-FWD": {
      // `raw` knows where packets come from; where they go, its lists are asked here, and of each.
      const early = listRules(askedEarly, family, "dst");
      return early.length === 0
        ? [...white("src"), ...judged, ...here("src"), ...white("dst"), ...here("dst")]
        : [...white("src"), ...here("src"), ...white("dst"), ...early, ...judged, ...here("dst")];
    }
  }
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
