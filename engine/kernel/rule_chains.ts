/**
 * The rules of a policy as chains: one for all of them, or one for TCP, one for UDP and one for the
 * rest, so that a packet passes no rules that cannot concern it. Ports divide them further
 * (`port_chains.ts`).
 */
import type { ChainPlan, PlanRule } from "./plan.ts";
import type { MainChain } from "./compile_rules.ts";
import { portChains } from "./port_chains.ts";

/** Rules for one protocol that are worth chains of their own. */
const WORTH_DIVIDING = 4;

type Protocol = "tcp" | "udp";

/** The chain of the rules that stand in a main chain; a packet goes there to be decided on. */
export function rulesChain(main: MainChain): string {
  return `${main}-RULES`;
}

/**
 * The chains that `rulesChain` begins with.
 *
 * @param rules in order, as `compileRules` gives them
 * @param ends what decides on a packet that none of them matches
 */
export function ruleChains(
  main: MainChain,
  rules: readonly PlanRule[],
  ends: readonly PlanRule[],
): ChainPlan[] {
  const name = rulesChain(main);
  if (!isWorthDividing(rules)) return [{ name, rules: [...rules, ...ends] }];
  const own = (protocol: Protocol) => {
    const concerning = rules.filter((rule) => canConcern(rule, protocol));
    return portChains(`${main}-${protocol.toUpperCase()}`, concerning, ends);
  };
  const tcp = own("tcp"), udp = own("udp");
  const others = rules.filter((rule) => !isOf(rule, "tcp") && !isOf(rule, "udp"));
  return [
    { name, rules: [goFrom("tcp", tcp[0]), goFrom("udp", udp[0]), ...others, ...ends] },
    ...tcp,
    ...udp,
  ];
}

/** A rule for any protocol would stand in all three chains: there must be more of the others. */
function isWorthDividing(rules: readonly PlanRule[]): boolean {
  const bound = rules.filter((rule) => isOf(rule, "tcp") || isOf(rule, "udp")).length;
  return bound >= WORTH_DIVIDING && 2 * bound >= rules.length;
}

function goFrom(protocol: Protocol, { name }: ChainPlan): PlanRule {
  return { matches: [{ kind: "protocol", protocol }], target: { kind: "goto", chain: name } };
}

function canConcern(rule: PlanRule, protocol: Protocol): boolean {
  return protocolOf(rule) === undefined || isOf(rule, protocol);
}

function isOf(rule: PlanRule, protocol: Protocol): boolean {
  return protocolOf(rule) === protocol;
}

function protocolOf({ matches }: PlanRule): string | undefined {
  for (const match of matches) if ("protocol" in match) return match.protocol;
}
