/** Rules in chains by protocol: what stands where, and when it is worth it. */
import { deepEqual, equal } from "node:assert/strict";
import type { PlanRule } from "../../engine/kernel/plan.ts";
import { renderChainRules } from "../../engine/kernel/render_iptables.ts";
import { ruleChains } from "../../engine/kernel/rule_chains.ts";

const of = (protocol: "tcp" | "udp" | "icmp", port: number): PlanRule => ({
  matches: protocol === "icmp"
    ? [{ kind: "protocol", protocol }]
    : [{ kind: "ports", protocol, ranges: [{ first: port, last: port }] }],
  target: { kind: "allow", ruleId: `0000000${port}` },
});
const ofAny = (id: string): PlanRule => ({ matches: [], target: { kind: "allow", ruleId: id } });
const END: PlanRule = { matches: [], target: { kind: "drop" } };

const lines = (rules: readonly PlanRule[]) =>
  ruleChains("PFW-IN", rules, [END]).flatMap(renderChainRules);

Deno.test("a packet passes the rules of its protocol and those of any, in their order", () => {
  const rules = [of("tcp", 1), of("udp", 2), ofAny("000000aa"), of("icmp", 3), of("tcp", 4)];
  deepEqual(lines([...rules, of("udp", 5)]), [
    "-A PFW-IN-RULES -p tcp -g PFW-IN-TCP",
    "-A PFW-IN-RULES -p udp -g PFW-IN-UDP",
    "-A PFW-IN-RULES -g PFW-A-000000aa",
    "-A PFW-IN-RULES -p icmp -g PFW-A-00000003",
    "-A PFW-IN-RULES -j DROP",
    "-A PFW-IN-TCP -p tcp -m tcp --dport 1 -g PFW-A-00000001",
    "-A PFW-IN-TCP -g PFW-A-000000aa",
    "-A PFW-IN-TCP -p tcp -m tcp --dport 4 -g PFW-A-00000004",
    "-A PFW-IN-TCP -j DROP",
    "-A PFW-IN-UDP -p udp -m udp --dport 2 -g PFW-A-00000002",
    "-A PFW-IN-UDP -g PFW-A-000000aa",
    "-A PFW-IN-UDP -p udp -m udp --dport 5 -g PFW-A-00000005",
    "-A PFW-IN-UDP -j DROP",
  ]);
});

Deno.test("few rules, and many for any protocol, stand in one chain", () => {
  const few = [of("tcp", 1), of("udp", 2), of("tcp", 3)];
  equal(ruleChains("PFW-IN", few, []).length, 1);
  const bound = [...few, of("tcp", 4)];
  equal(ruleChains("PFW-IN", bound, []).length, 3);
  equal(ruleChains("PFW-IN", [...bound, ...bound.map(() => ofAny("000000aa"))], []).length, 3);
  const more = Array.from({ length: 5 }, () => ofAny("000000aa"));
  equal(ruleChains("PFW-IN", [...bound, ...more], []).length, 1);
});
