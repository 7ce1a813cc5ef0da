import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { familyDifferences } from "../../engine/kernel/compare.ts";
import { compilePlan } from "../../engine/kernel/compile.ts";
import { markOf } from "../../engine/kernel/judged.ts";
import type { FamilyPlan, Generation } from "../../engine/kernel/plan.ts";
import { transitionalRaw } from "../../engine/kernel/raw_transition.ts";
import { renderRule } from "../../engine/kernel/render_iptables.ts";
import {
  hasStandIns,
  settleTable,
  supersedeTable,
  withoutStandIns,
} from "../../engine/kernel/stand_ins.ts";
import { replaceMains, switchTable } from "../../engine/kernel/transition.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { arbitraryStart, type Model, restore, saved } from "../support/table_model.ts";

const TABLES = ["raw", "filter"] as const;

/** Rules of one protocol come into chains of their own where there are many. */
const arbitraryPolicy: fc.Arbitrary<Policy> = fc.record({
  isOpen: fc.boolean(),
  rules: fc.array(
    fc.record({
      port: fc.integer({ min: 1, max: 9 }),
      isAllowed: fc.boolean(),
      isTcp: fc.boolean(),
    }),
    { maxLength: 7 },
  ),
  blacklist: fc.subarray(["192.0.2.1", "192.0.2.7"]),
  threats: fc.subarray(["198.51.100.1"]),
}).map(({ isOpen, rules, blacklist, threats }) =>
  policy({
    defaultAction: isOpen ? "allow" : "block",
    rules: rules.map(({ port, isAllowed, isTcp }) =>
      rule({
        action: isAllowed ? "allow" : "block",
        protocol: isTcp ? "tcp" : "udp",
        ports: ports(port),
      })
    ),
    blacklist,
    threats,
  })
);

const arbitraryMark = fc.integer({ min: 0, max: 2 ** 28 - 1 }).map(markOf);

/** Connections are remembered, by another generation each time, or not. */
const arbitraryGeneration = fc.option(
  fc.record({ mark: arbitraryMark, earlier: fc.array(arbitraryMark, { maxLength: 3 }) }),
  { nil: undefined },
);

const arbitraryPlan = fc.tuple(arbitraryPolicy, arbitraryGeneration, fc.boolean())
  .map(([wanted, generation, isFlooded]) => planOf(wanted, generation, isFlooded));

function planOf(wanted: Policy, generation?: Generation, isFlooded?: boolean): FamilyPlan {
  return compilePlan(wanted, { nflogGroup: 1, families: [4], generation, isFlooded }).families[0];
}

/** What is in force until all is settled: `raw` still asks the lists of the plan before. */
function passing(next: FamilyPlan, before: Model): FamilyPlan {
  return { ...next, raw: transitionalRaw(next, saved(before).get("raw"), 1) };
}

function put(before: Model, plan: FamilyPlan): Model {
  const tables = saved(before);
  return restore(before, TABLES.map((name) => switchTable(plan[name], tables.get(name))).join(""));
}

/** Main chains of ours with their rules. */
function mainRules(tables: ReturnType<typeof saved>, plan: FamilyPlan) {
  return TABLES.map((name) =>
    plan[name].mains.map((chain) => [
      chain.name,
      tables.get(name)?.get(chain.name)?.rules.map((one) => one.text),
    ])
  );
}

function wantedRules(plan: FamilyPlan) {
  return TABLES.map((name) =>
    plan[name].mains.map((chain) => [chain.name, chain.rules.map(renderRule)])
  );
}

Deno.test("stand-ins put a plan in place and delete nothing", () => {
  fc.assert(
    fc.property(arbitraryStart, arbitraryPlan, arbitraryPlan, (start, old, wanted) => {
      const first = put(start, old);
      const next = passing(wanted, first);
      const text = TABLES.map((name) => supersedeTable(next[name], old[name])).join("");
      deepEqual(declared(text).filter(([table, chain]) => first.get(table)!.has(chain)), []);
      equal(/^-[DRX] /m.test(text), false);
      const tables = withoutStandIns(saved(restore(first, text)));
      deepEqual(mainRules(tables, next), wantedRules(next));
      deepEqual(familyDifferences(next, tables), []);
    }),
  );
});

/** What is created, or emptied where it is there. */
function declared(text: string): [table: string, chain: string][] {
  let table = "";
  return text.split("\n").flatMap((line): [string, string][] => {
    if (line.startsWith("*")) table = line.slice(1);
    return line.startsWith(":") ? [[table, line.slice(1).split(" ")[0]]] : [];
  });
}

Deno.test("what is settled is as if no chain had ever stood in for another one", () => {
  fc.assert(
    fc.property(arbitraryStart, arbitraryPlan, arbitraryPlan, (start, old, next) => {
      const first = put(start, old), between = passing(next, first);
      const hurried = restore(
        first,
        TABLES.map((name) => supersedeTable(between[name], old[name])).join(""),
      );
      const passed = between.raw === next.raw
        ? hurried
        : restore(hurried, replaceMains(next.raw, between.raw));
      deepEqual(familyDifferences(next, withoutStandIns(saved(passed))), []);
      const settle = (model: Model) =>
        TABLES.map((name) => settleTable(next[name], saved(model).get(name)!)).join("");
      const settled = restore(passed, settle(passed));
      equal(TABLES.some((name) => hasStandIns(saved(settled).get(name))), false);
      deepEqual(sorted(settled), sorted(put(start, next)));
      equal(settle(settled), "");
    }),
  );
});

function sorted(model: Model) {
  return [...model].map(([name, chains]) => [
    name,
    [...chains].sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}
