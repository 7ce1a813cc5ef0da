import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { compilePlan } from "../../engine/kernel/compile.ts";
import { familyDifferences } from "../../engine/kernel/compare.ts";
import type { SavedTable, SavedTables } from "../../engine/kernel/saved_state.ts";
import {
  replaceMains,
  revert,
  switchTable,
  withoutChains,
} from "../../engine/kernel/transition.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { policy, ports, rule } from "../support/policies.ts";

type Model = Map<string, Map<string, { policy: string; rules: string[] }>>;

/** What `iptables-restore --noflush` does, as far as pfw uses it; throws where iptables would. */
function restore(before: Model, text: string): Model {
  const tables: Model = structuredClone(before);
  let table = new Map<string, { policy: string; rules: string[] }>();
  const chain = (name: string) => {
    const found = table.get(name);
    if (!found) throw new Error(`no chain ${name}`);
    return found;
  };
  for (const line of text.split("\n")) {
    const [, verb, name, rest = ""] = /^(\*|:|-[A-Z] )(\S+) ?(.*)$/.exec(line) ?? [];
    if (verb === "*") table = tables.get(name) ?? fail(`no table ${name}`);
    else if (verb === ":") table.set(name, { policy: "-", rules: [] });
    else if (verb === "-A ") chain(name).rules.push(rest);
    else if (verb === "-I ") {
      const [, position, rule] = /^(\d+) (.*)$/.exec(rest)!;
      if (Number(position) > chain(name).rules.length + 1) fail("index of insertion too big");
      chain(name).rules.splice(Number(position) - 1, 0, rule);
    } else if (verb === "-D ") {
      const at = chain(name).rules.indexOf(rest);
      chain(name).rules.splice(at < 0 ? fail(`no rule ${rest}`) : at, 1);
    } else if (verb === "-X ") {
      if (chain(name).rules.length > 0) fail(`${name} is not empty`);
      table.delete(name);
    }
  }
  for (const [name, chains] of tables) checkReferences(name, chains);
  return tables;
}

function checkReferences(table: string, chains: Map<string, { rules: string[] }>): void {
  for (const { rules } of chains.values()) {
    for (const rule of rules) {
      const target = /-[jg] (PFW-\S+)/.exec(rule)?.[1];
      if (target && !chains.has(target)) fail(`${table} refers to ${target}`);
    }
  }
}

function fail(why: string): never {
  throw new Error(why);
}

function saved(model: Model): SavedTables {
  return new Map([...model].map(([name, chains]): [string, SavedTable] => [
    name,
    new Map([...chains].map(([name, { policy, rules }]) => [
      name,
      { name, policy, rules: rules.map((text) => ({ text, packets: 0, bytes: 0 })) },
    ])),
  ]));
}

/** Built-in chains with rules of others, in between also jumps to us that others moved. */
const arbitraryStart: fc.Arbitrary<Model> = fc.record({
  others: fc.array(fc.constantFrom("-s 192.0.2.1/32 -j ACCEPT", "-j OTHERS"), { maxLength: 3 }),
  drop: fc.boolean(),
}).map(({ others, drop }) => {
  const builtIn = () => ({ policy: drop ? "DROP" : "ACCEPT", rules: [...others] });
  return new Map([
    ["raw", new Map([["PREROUTING", builtIn()], ["OUTPUT", builtIn()]])],
    ["filter", new Map([["INPUT", builtIn()], ["FORWARD", builtIn()], ["OUTPUT", builtIn()]])],
  ]);
});

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

Deno.test("lists that are no longer asked go with the main chains alone", () => {
  const [start] = fc.sample(arbitraryStart, 1);
  const both = policy({ blacklist: ["192.0.2.1"], threats: ["198.51.100.1"] });
  const plan = planOf(policy({ threats: ["198.51.100.1"] }));
  const text = replaceMains(plan.raw);
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
