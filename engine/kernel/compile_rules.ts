/** The rules of a policy as rules of one main chain. */
import { createHash } from "node:crypto";
import { PfwError } from "../errors.ts";
import type { Family } from "../net/address.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import type { PolicyRule, PortRange } from "../policy/policy.ts";
import { isRuleId, SET_PREFIX } from "./names.ts";
import type { Match, PlanRule, SetPlan, Side, Target } from "./plan.ts";

/** The chains of `filter` that rules stand in. */
export type MainChain = "PFW-IN" | "PFW-OUT" | "PFW-FWD";

/** multiport(8): "Up to 15 ports can be specified. A port range counts as two ports." */
const MULTIPORT_SLOTS = 15;

/**
 * The sets that rules with more than one source or destination share. The name follows from the
 * content, so two rules with the same addresses use one set, and another content is another set:
 * chains of the old policy never see one change under them.
 */
export class RuleSets {
  readonly #byName = new Map<string, { text: string; plan: SetPlan }>();

  constructor(readonly family: Family) {}

  /** The name of the set that holds the list's prefixes of this family. */
  nameFor(list: PrefixList): string {
    const text = [...list.texts(this.family)].join("\n");
    for (let salt = 0;; salt++) {
      const hash = createHash("sha256").update(`${salt}\n${text}`).digest("hex").slice(0, 8);
      const name = `${SET_PREFIX}r${hash}${this.family}`;
      const known = this.#byName.get(name);
      if (known && known.text !== text) continue;
      if (!known) {
        const plan = { name, family: this.family, prefixes: list, timeout: false };
        this.#byName.set(name, { text, plan });
      }
      return name;
    }
  }

  /** Every set that was asked for. */
  plans(): SetPlan[] {
    return [...this.#byName.values()].map(({ plan }) => plan);
  }
}

/** The rules that stand in `chain` for this family, in order. */
export function compileRules(
  rules: readonly PolicyRule[],
  family: Family,
  chain: MainChain,
  sets: RuleSets,
): PlanRule[] {
  return rules
    .filter((rule) => standsIn(rule, chain))
    .flatMap((rule) => compileRule(rule, family, chain, sets));
}

/** Who is forwarded did not start here, so such connections are ones that others opened. */
function standsIn(rule: PolicyRule, chain: MainChain): boolean {
  return rule.direction === "both" || (rule.direction === "out") === (chain === "PFW-OUT");
}

function compileRule(
  rule: PolicyRule,
  family: Family,
  chain: MainChain,
  sets: RuleSets,
): PlanRule[] {
  const source = endpoint("src", rule.sources, family, sets);
  const destination = endpoint("dst", rule.destinations, family, sets);
  if (!source || !destination) return [];
  const target = ruleTarget(rule);
  return services(rule, family, chain).map((service) => ({
    matches: [...source, ...destination, ...service],
    target,
  }));
}

function ruleTarget(rule: PolicyRule): Target {
  if (!isRuleId(rule.id)) {
    throw new PfwError(
      `rule ${rule.number}`,
      `its id ${JSON.stringify(rule.id)} is not 8 hex digits`,
    );
  }
  return rule.action === "allow"
    ? { kind: "allow", ruleId: rule.id }
    : { kind: "block", reason: "rule", ruleId: rule.id };
}

/** `undefined` when the rule names addresses and none of this family. */
function endpoint(
  side: Side,
  list: PrefixList,
  family: Family,
  sets: RuleSets,
): Match[] | undefined {
  if (list.size === 0) return [];
  const count = list.count(family);
  if (count === 0) return undefined;
  if (count > 1) return [{ kind: "set", set: sets.nameFor(list), side }];
  const [prefix] = list.prefixes(family);
  return prefix.length === 0 ? [] : [{ kind: "address", side, prefix }];
}

/** What the rule says of protocol and ports: one list of conditions for each kernel rule. */
function services(rule: PolicyRule, family: Family, chain: MainChain): Match[][] {
  if (rule.protocol === "icmp") {
    return [[{ kind: "protocol", protocol: family === 4 ? "icmp" : "ipv6-icmp" }]];
  }
  if (rule.protocol === "any" && rule.ports.length === 0) return [[]];
  const protocols = rule.protocol === "any" ? ["tcp", "udp"] as const : [rule.protocol];
  const everyPort = rule.ports.length === 0 ||
    rule.ports.some(({ first, last }) => first <= 0 && last >= 65535);
  return protocols.flatMap((protocol): Match[][] => {
    if (everyPort) return [[{ kind: "protocol", protocol }]];
    if (chain === "PFW-FWD") {
      return rule.ports.map((range) => [{ kind: "original_port", protocol, range }]);
    }
    return chunkPorts(rule.ports).map((ranges) => [{ kind: "ports", protocol, ranges }]);
  });
}

/** Splits port ranges into what one `multiport` can hold. */
export function chunkPorts(ranges: readonly PortRange[]): PortRange[][] {
  const chunks: PortRange[][] = [];
  let free = 0;
  for (const range of ranges) {
    const slots = range.first === range.last ? 1 : 2;
    if (slots > free) {
      chunks.push([]);
      free = MULTIPORT_SLOTS;
    }
    chunks[chunks.length - 1].push(range);
    free -= slots;
  }
  return chunks;
}
