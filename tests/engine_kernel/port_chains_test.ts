/** Rules in a tree of chains by port: the same verdict for every port, after fewer questions. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { ChainPlan, Match, PlanRule } from "../../engine/kernel/plan.ts";
import { portChains } from "../../engine/kernel/port_chains.ts";
import { renderChainRules } from "../../engine/kernel/render_iptables.ts";
import type { PortRange } from "../../engine/policy/policy.ts";
import { ports } from "../support/policies.ts";

const END: PlanRule = { matches: [], target: { kind: "drop" } };

/** A rule for these ports, or for all; its number says which one it is. */
function ruleFor(ranges: readonly PortRange[], number: number, isForwarded = false): PlanRule {
  const matches: Match[] = ranges.length === 0
    ? []
    : isForwarded
    ? [{ kind: "original_port", protocol: "tcp", range: ranges[0] }]
    : [{ kind: "ports", protocol: "tcp", ranges }];
  return { matches, target: { kind: "allow", ruleId: `${number}`.padStart(8, "0") } };
}

/** The rule that decides on a packet to a port, and how many rules it passed up to that one. */
function decide(chains: readonly ChainPlan[], name: string, port: number): [string, number] {
  let passed = 0;
  for (let chain = find(chains, name);;) {
    const rule = chain.rules.find(({ matches }) => (passed++, matches.every(holds(port))));
    ok(rule, `${chain.name} has no end`);
    if (rule.target.kind === "goto") chain = find(chains, rule.target.chain);
    else return [rule.target.kind === "allow" ? rule.target.ruleId : rule.target.kind, passed];
  }
}

const holds = (port: number) => (match: Match): boolean => {
  const ranges = match.kind === "ports"
    ? match.ranges
    : match.kind === "original_port"
    ? [match.range]
    : [];
  return ranges.some(({ first, last }) => port >= first && port <= last);
};

function find(chains: readonly ChainPlan[], name: string): ChainPlan {
  const found = chains.filter((chain) => chain.name === name);
  equal(found.length, 1, `${found.length} chains ${name}`);
  return found[0];
}

function depthOf(chains: readonly ChainPlan[], name: string): number {
  const next = find(chains, name).rules.flatMap(({ target }) =>
    target.kind === "goto" ? [target.chain] : []
  );
  return 1 + Math.max(0, ...next.map((chain) => depthOf(chains, chain)));
}

/** Mostly single ports close to each other, some ranges, some rules for all ports. */
const arbitraryRanges: fc.Arbitrary<readonly PortRange[]> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(60).map((port) => [{ first: port, last: port }]) },
  {
    weight: 3,
    arbitrary: fc.array(
      fc.tuple(fc.nat(65_535), fc.nat(3_000)).map(([first, more]) => ({
        first,
        last: Math.min(65_535, first + more),
      })),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { weight: 1, arbitrary: fc.constant([]) },
);

Deno.test("a tree decides on every port as the rules in their order do", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryRanges, { maxLength: 60 }),
      fc.boolean(),
      (all, isForwarded) => {
        const rules = all.map((ranges, at) => ruleFor(ranges, at, isForwarded));
        const tree = portChains("PFW-FWD-TCP", rules, [END]);
        const flat: ChainPlan[] = [{ name: "flat", rules: [...rules, END] }];
        const edges = all.flat().flatMap(({ first, last }) => [first - 1, first, last, last + 1]);
        for (const port of [0, 65_535, ...edges].filter((port) => port >= 0 && port <= 65_535)) {
          equal(
            decide(tree, "PFW-FWD-TCP", port)[0],
            decide(flat, "flat", port)[0],
            `port ${port}`,
          );
        }
        ok(depthOf(tree, "PFW-FWD-TCP") <= 4);
        ok(tree.every(({ name }) => name.length <= 28 - "NEXT-".length));
      },
    ),
  );
});

Deno.test("a packet passes few of many rules, and few of them stand twice", () => {
  for (const count of [16, 40, 100, 1_000, 10_000]) {
    const rules = Array.from({ length: count }, (_, at) => ruleFor(ports(5 * at + 1), at));
    const tree = portChains("PFW-IN-UDP", rules, [END]);
    const passed = rules.map((_, at) => decide(tree, "PFW-IN-UDP", 5 * at + 1)[1]);
    const most = Math.max(...passed);
    ok(most <= 18 + 2 * Math.log2(count), `${most} of ${count}`);
    ok(tree.reduce((sum, { rules }) => sum + rules.length, 0) < 1.5 * count);
  }
});

Deno.test("few rules are not worth it, and neither are those for the same ports or for all", () => {
  const few = Array.from({ length: 15 }, (_, at) => ruleFor(ports(at), at));
  equal(portChains("PFW-IN-TCP", few, [END]).length, 1);
  const same = Array.from({ length: 20 }, (_, at) => ruleFor(ports([1, 9]), at));
  equal(portChains("PFW-IN-TCP", same, [END]).length, 1);
  const all = Array.from({ length: 20 }, (_, at) => ruleFor([], at));
  equal(portChains("PFW-IN-TCP", all, [END]).length, 1);
});

Deno.test("a rule keeps the ports that its part has to do with", () => {
  const rules = Array.from({ length: 16 }, (_, at) => ruleFor(ports(at + 1), at + 1));
  const chains = portChains("PFW-IN-TCP", [...rules, ruleFor(ports(1, [40, 90]), 99)], [END]);
  const lines = chains.flatMap(renderChainRules);
  equal(lines[0], "-A PFW-IN-TCP -p tcp -m tcp --dport 9:65535 -g PFW-IN-TCP-9-65535");
  deepEqual(lines.filter((line) => line.endsWith("99")), [
    "-A PFW-IN-TCP -p tcp -m tcp --dport 1 -g PFW-A-00000099",
    "-A PFW-IN-TCP-9-65535 -p tcp -m tcp --dport 40:90 -g PFW-A-00000099",
  ]);
  equal(lines.filter((line) => line.endsWith("DROP")).length, 2, "both chains have their end");
});
