import { deepEqual, equal, notEqual } from "node:assert/strict";
import { compilePlan } from "../../engine/kernel/compile.ts";
import type { FamilyPlan, TablePlan } from "../../engine/kernel/plan.ts";
import { transitionalRaw } from "../../engine/kernel/raw_transition.ts";
import { renderChainRules } from "../../engine/kernel/render_iptables.ts";
import { switchTable } from "../../engine/kernel/transition.ts";
import { policy } from "../support/policies.ts";
import { type Model, restore, saved } from "../support/table_model.ts";

const EMPTY: Model = new Map([
  ["raw", new Map(["PREROUTING", "OUTPUT"].map((name) => [name, { policy: "ACCEPT", rules: [] }]))],
]);

function planOf(lists: Parameters<typeof policy>[0]): FamilyPlan {
  return compilePlan(policy(lists), { nflogGroup: 1, families: [4] }).families[0];
}

/** What `raw` asks between the two policies. */
function between(old: FamilyPlan, next: FamilyPlan): TablePlan {
  const tables = saved(restore(EMPTY, switchTable(old.raw, undefined)));
  return transitionalRaw(next, tables.get("raw"), 1);
}

const incoming = ({ mains }: TablePlan) => renderChainRules(mains[0]);
const WHITE = "-m set ! --match-set pfw-white4 src";

Deno.test("between two policies raw asks the lists of both", () => {
  const black = planOf({ blacklist: ["192.0.2.1"] }), threats = planOf({ threats: ["192.0.2.2"] });
  deepEqual(incoming(between(black, threats)), [
    "-A PFW-PRE -m set --match-set pfw-black4 src -j PFW-D-blacklist",
    "-A PFW-PRE -m set --match-set pfw-threat4 src -j PFW-D-threat",
  ]);
  equal(between(black, black), black.raw, "nothing to pass through");
});

Deno.test("a whitelist of one address wins until the last entry of the old policy is gone", () => {
  const both = planOf({ whitelist: ["10.9.0.5"], blacklist: ["10.9.0.0/24"] });
  const other = planOf({ whitelist: ["10.8.0.6"], blacklist: ["10.9.0.0/24"] });
  const asked = [`-A PFW-PRE -m set --match-set pfw-black4 src ${WHITE} -j PFW-D-blacklist`];
  for (const next of [planOf({}), planOf({ blacklist: ["10.9.0.0/25"] }), other]) {
    deepEqual(incoming(between(both, next)), asked);
    notEqual(between(next, both), next.raw);
  }
  const same = planOf({ whitelist: ["10.9.0.5"], blacklist: ["10.9.0.0/25"] });
  equal(between(both, same), same.raw);
});
