import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { compilePlan } from "../../engine/kernel/compile.ts";
import { familyDifferences } from "../../engine/kernel/compare.ts";
import {
  replaceMains,
  revert,
  switchTable,
  withoutChains,
} from "../../engine/kernel/transition.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { arbitraryStart, type Model, restore, saved } from "../support/table_model.ts";

const arbitraryPolicy: fc.Arbitrary<Policy> = fc.record({
  allow: fc.boolean(),
  count: fc.nat(3),
  blacklist: fc.subarray(["192.0.2.1", "192.0.2.7"]),
  threats: fc.subarray(["198.51.100.1"]),
}).map(({ allow, count, blacklist, threats }) =>
  policy({
    defaultAction: allow ? "allow" : "block",
    rules: Array.from({ length: count }, (_, at) =>
      rule({ ports: ports(at + 1), action: at % 2 ? "allow" : "block" })),
    blacklist,
    threats,
  })
);

function planOf(wanted: Policy) {
  return compilePlan(wanted, { nflogGroup: 1, families: [4] }).families[0];
}

function apply(before: Model, wanted: Policy): Model {
  const plan = planOf(wanted);
  const tables = saved(before);
  return restore(
    before,
    [plan.raw, plan.filter].map((table) => switchTable(table, tables.get(table.name))).join(""),
  );
}

/** Another program moves or doubles our jumps. */
function meddle(model: Model, seed: number): Model {
  const meddled = structuredClone(model);
  const rules = meddled.get("filter")!.get("INPUT")!.rules;
  if (seed % 3 === 0) rules.reverse();
  if (seed % 3 === 1) rules.push("-j PFW-IN", "-i eth0 -j PFW-IN");
  return meddled;
}

Deno.test("a switch puts the plan in place from any state, once and again", () => {
  fc.assert(
    fc.property(arbitraryStart, arbitraryPolicy, arbitraryPolicy, fc.nat(), (start, a, b, n) => {
      const first = meddle(apply(start, a), n);
      const second = apply(first, b);
      deepEqual(familyDifferences(planOf(b), saved(second)), []);
      deepEqual(apply(second, b), second);
    }),
  );
});

Deno.test("a switch keeps the chains that count", () => {
  const wanted = policy({ rules: [rule({ ports: ports(7) })], blacklist: ["192.0.2.1"] });
  const [start] = fc.sample(arbitraryStart, 1);
  const { filter } = planOf(wanted);
  const text = switchTable(filter, saved(apply(start, wanted)).get("filter"));
  equal(/:PFW-[DA]-/.test(text), false);
  equal(/-[ID] INPUT/.test(text), false);
});

Deno.test("a chain that reports by another limit, as one of an older pfw, is written again", () => {
  const wanted = policy({ rules: [rule({ ports: ports(7) })], blacklist: ["192.0.2.1"] });
  const plan = planOf(wanted);
  const [start] = fc.sample(arbitraryStart, 1);
  const limits: [RegExp, string][] = [
    [/--hashlimit-name \S+/, "--hashlimit-name pfw-reports-1"],
    [/--limit-burst \d+/, "--limit-burst 1"],
  ];
  for (const [limit, older] of limits) {
    const before = apply(start, wanted);
    const changed: string[] = [], written: string[] = [];
    for (const table of [plan.raw, plan.filter]) {
      for (const [name, { rules }] of before.get(table.name)!) {
        if (!name.startsWith("PFW-D-") || !limit.test(rules.join())) continue;
        changed.push(name);
        rules.splice(0, Infinity, ...rules.map((text) => text.replace(limit, older)));
      }
      const text = switchTable(table, saved(before).get(table.name));
      written.push(...[...text.matchAll(/^:(PFW-D-\S+)/gm)].map(([, name]) => name));
    }
    deepEqual(written.sort(), changed.sort());
    equal(changed.length > 0, true);
  }
});

Deno.test("lists that are no longer asked go with the main chains alone", () => {
  const [start] = fc.sample(arbitraryStart, 1);
  const both = policy({ blacklist: ["192.0.2.1"], threats: ["198.51.100.1"] });
  const plan = planOf(policy({ threats: ["198.51.100.1"] }));
  const text = replaceMains(plan.raw, plan.raw);
  equal(/^:PFW-[DA]-|^-[ID] /m.test(text), false);
  const left = restore(apply(start, both), text);
  equal(JSON.stringify([...left.get("raw")!.get("PFW-PRE")!.rules]).includes("pfw-black4"), false);
  deepEqual(familyDifferences({ ...plan, filter: planOf(both).filter }, saved(left)), []);
});

Deno.test("a revert leads back to where it was, jumps in their places", () => {
  fc.assert(
    fc.property(arbitraryStart, arbitraryPolicy, arbitraryPolicy, fc.nat(), (start, a, b, n) => {
      const before = meddle(apply(start, a), n);
      const after = apply(before, b);
      const back = restore(after, revert(saved(after), saved(before)));
      deepEqual(sorted(back), sorted(before));
      equal(revert(saved(before), saved(before)), "");
    }),
  );
});

Deno.test("removing everything leaves what others have", () => {
  fc.assert(fc.property(arbitraryStart, arbitraryPolicy, fc.nat(), (start, a, n) => {
    const now = saved(meddle(apply(start, a), n));
    const left = restore(meddle(apply(start, a), n), revert(now, withoutChains(now, () => true)));
    const plain = n % 3 === 0 ? start.get("filter")!.get("INPUT")!.rules.toReversed() : undefined;
    if (plain) start.get("filter")!.get("INPUT")!.rules = plain;
    deepEqual(sorted(left), sorted(start));
  }));
});

function sorted(model: Model) {
  return [...model].map(([name, chains]) => [
    name,
    [...chains].sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}
