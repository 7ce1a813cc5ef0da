import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { buildShots } from "./build_shots.ts";
import { arbitraryScenario } from "./campaign.ts";
import { readCorpus, shotsOf } from "./corpus.ts";
import { differences, judge } from "./differences.ts";
import { policyOf } from "./scenario.ts";
import { type Layout, LAYOUTS } from "./tracer_fates.ts";

for (const layout of Object.keys(LAYOUTS) as Layout[]) {
  Deno.test(`the matcher says of every packet what the rendered rules say, and why: ${layout}`, () => {
    fc.assert(
      fc.property(arbitraryScenario(40), ({ policy, conversations }) => {
        const shots = buildShots(policy, conversations);
        deepEqual(differences(judge(policy, shots, layout)), []);
      }),
      { numRuns: 200 },
    );
  });
}

Deno.test("every difference ever found stays away: rules and matcher say what the kernel said", () => {
  const corpus = readCorpus();
  ok(corpus.length > 0);
  for (const [name, entry] of corpus) {
    const { matcher, tracer } = judge(entry.policy, shotsOf(entry));
    const expected = entry.packets.map((packet) => packet.expected);
    deepEqual(tracer.traces.map(({ fate }) => fate), expected, `${name}: the rules`);
    const said = matcher.map((pieces) => [...new Set(pieces.map(({ fate }) => fate))].join(", "));
    deepEqual(said, expected, `${name}: the matcher`);
  }
});

Deno.test("a judge that errs is found out", () => {
  const policy = {
    defaultAction: "allow",
    rules: [{
      action: "block",
      protocol: "udp",
      ports: [[53, 53]],
      sources: [],
      destinations: [],
      direction: "in",
    }],
    whitelist: [],
    blacklist: [],
    bans: [],
    threats: [],
  } as const;
  const scenarios = fc.sample(arbitraryScenario(60), { numRuns: 5, seed: 1 });
  const shots = scenarios.flatMap(({ conversations }) => buildShots(policy, conversations));
  const right = judge(policy, shots);
  deepEqual(differences(right), []);
  const wrong = judge({ ...policy, rules: [] }, shots);
  ok(differences({ ...right, matcher: wrong.matcher }).length > 0);
  ok(differences({ ...right, tracer: wrong.tracer }).length > 0);
  const fates = right.tracer.traces.map(({ fate }) => fate);
  const kernel = { fates, counters: right.tracer.counters };
  deepEqual(differences({ ...right, kernel }), []);
  const lost = { fates: [undefined, ...fates.slice(1)], counters: kernel.counters };
  ok(/^packet 1 .*the kernel says "nothing"/.test(differences({ ...right, kernel: lost })[0]));
  const counters = new Map(kernel.counters);
  counters.set("4 filter PFW-IN 2", 1);
  deepEqual(differences({ ...right, kernel: { fates, counters } }), [
    "rule IPv4 filter PFW-IN 2: the kernel counted 1, the tracer 0",
  ]);
});

Deno.test("random policies and packets are worth their name: every reason and most rules are met", () => {
  const scenarios = fc.sample(arbitraryScenario(60), { numRuns: 60, seed: 42 });
  const fates = new Set<string>();
  let rules = 0, longest = 0;
  for (const { policy, conversations } of scenarios) {
    const { traces } = judge(policy, buildShots(policy, conversations)).tracer;
    for (const { fate, allowedBy } of traces) {
      fates.add(fate.replace(/:.*/, "")).add(allowedBy.replace(/:.*/, ""));
    }
    rules += policy.rules.length;
    const { whitelist, blacklist, bans, threats } = policyOf(policy);
    longest = Math.max(longest, ...[whitelist, blacklist, bans, threats].map(({ size }) => size));
  }
  deepEqual([...fates].sort(), [
    "",
    "drop ban",
    "drop blacklist",
    "drop default_policy",
    "drop invalid",
    "drop rate_limit",
    "drop rule",
    "drop threat",
    "pass",
    "rule",
    "whitelist",
  ]);
  ok(rules > 100);
  ok(longest > 1000, `the longest list has ${longest} entries`);
});
