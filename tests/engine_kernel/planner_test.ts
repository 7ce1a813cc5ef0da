import { deepEqual, equal, notEqual } from "node:assert/strict";
import { AppliedPolicy } from "../../engine/kernel/applied.ts";
import { usesConnectionMarks } from "../../engine/kernel/nft_ruleset.ts";
import { Generations, markOf } from "../../engine/kernel/judged.ts";
import type { KernelState } from "../../engine/kernel/kernel_state.ts";
import { entryCount, type KernelPlan } from "../../engine/kernel/plan.ts";
import { Planner } from "../../engine/kernel/planner.ts";
import { parseIptablesSave } from "../../engine/kernel/saved_state.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { policy, ports, rule } from "../support/policies.ts";

/** What the kernel holds: rules of others, and the sets of a plan. */
function holding(rules = "", plan?: KernelPlan): KernelState {
  const sets = plan?.families.flatMap((family) => family.sets) ?? [];
  return {
    tables: new Map([[4, parseIptablesSave(rules)], [6, parseIptablesSave("")]]),
    sets: new Map(sets.map((set) => {
      const { name, family, timeout } = set;
      const entries = entryCount(set);
      const header = { type: "hash:net", family, timeout, entries, maxEntries: 64, memory: 0 };
      return [name, { name, ...header }];
    })),
  };
}

const EMPTY = holding();

/** A machine whose kernel can mark connections, or cannot. */
function plannerOf(status = 0) {
  const planner = new Planner({
    nflogGroup: 1,
    commands: { run: () => Promise.resolve({ status, stdout: '{"nftables":[]}', stderr: "" }) },
  });
  let applied: AppliedPolicy | undefined;
  /** @param before default: what was applied last */
  const apply = async (wanted: Policy, before?: KernelState): Promise<KernelPlan> => {
    const plan = await planner.plan(wanted, {
      banned: new Set(),
      before: before ?? holding("", applied?.plan),
      applied,
      isHurried: false,
    });
    planner.trust(plan);
    applied = new AppliedPolicy(wanted, plan, holding("", plan));
    return plan;
  };
  return { planner, apply };
}

const threats = ["198.51.100.1"], blacklist = ["192.0.2.1"];

Deno.test("connections are judged again by a policy that judges otherwise, and by no other", async () => {
  const { planner, apply } = plannerOf();
  const mark = async (wanted: Policy) => (await apply(wanted)).generation?.mark;
  let last = await mark(policy({ threats, blacklist }));
  const isNew = async (wanted: Policy, what: string) => {
    const next = await mark(wanted);
    notEqual(next, last, what);
    equal(await mark(wanted), next, "once");
    last = next;
  };
  equal(await mark(policy({ threats, blacklist })), last, "the same policy");
  const longer = [...blacklist, "192.0.2.9"];
  equal(
    await mark(policy({ threats, blacklist: longer })),
    last,
    "every packet is asked for these",
  );
  await isNew(policy({ threats: ["198.51.100.2"], blacklist }), "a threat list");
  await isNew(policy({ blacklist }), "no threat list");
  await isNew(policy({ defaultAction: "block", blacklist }), "a default");
  await isNew(policy({ rules: [rule({ ports: ports(7), protocol: "tcp" })] }), "a rule");
  await isNew(policy({ rateLimit: { connections: 3, seconds: 9 } }), "a rate limit");
  planner.doubt();
  await isNew(policy({ rateLimit: { connections: 3, seconds: 9 } }), "after a failure");
});

Deno.test("where connections cannot be marked, or others mark them, each packet is judged", async () => {
  const asks = holding("*mangle\n:FORWARD ACCEPT [0:0]\n[0:0] -A FORWARD -m connmark --mark 0x1\n");
  const sets = holding(
    "*mangle\n:x - [0:0]\n[0:0] -A x -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff\n",
  );
  const { planner, apply } = plannerOf();
  const named = holding(
    '*filter\n:INPUT ACCEPT [0:0]\n[0:0] -A INPUT -m comment --comment "no connmark" -j connmark-x\n',
  );
  const marked = await apply(policy({ threats }));
  equal(await planner.isOutdated(marked, named), false);
  equal(await planner.isOutdated(marked, EMPTY), false);
  for (const others of [asks, sets]) {
    equal(await planner.isOutdated(marked, others), true);
    const plan = await apply(policy({ threats }), others);
    equal(plan.generation, undefined);
    deepEqual(plan.families[0].raw.mains[0].rules.length, 1);
    equal(await planner.isOutdated(plan, others), false);
    equal(await planner.isOutdated(plan, EMPTY), true);
  }
  equal((await plannerOf(1).apply(policy({ threats }))).generation, undefined);
});

Deno.test("connections are judged again where what judged them was another for a while", async () => {
  const { apply } = plannerOf();
  const wanted = policy({
    threats,
    blacklist,
    rules: [rule({ sources: ["192.0.2.1", "192.0.2.2"] })],
  });
  const plan = await apply(wanted);
  const without = (name: string) => {
    const { tables, sets } = holding("", plan);
    return { tables, sets: new Map([...sets].filter(([set]) => !set.startsWith(name))) };
  };
  const mark = async (before: KernelState) => (await apply(wanted, before)).generation?.mark;
  const first = plan.generation?.mark;
  equal(await mark(without("pfw-black4")), first, "every packet is asked for these");
  let last = first;
  for (const name of ["pfw-threat4", "pfw-r"]) {
    const next = await mark(without(name));
    notEqual(next, last, name);
    last = next;
  }
  const touched = holding("*filter\n:PFW-IN - [0:0]\n[0:0] -A PFW-IN -j ACCEPT\n", plan);
  notEqual(await mark(touched), last);
});

Deno.test("no generation comes twice, whoever gives it", () => {
  const one = new Generations();
  const first = one.next(100.001);
  deepEqual(first, { mark: markOf(10_000), earlier: [] });
  equal(one.next(100.001).mark, markOf(10_001));
  equal(one.next(50).mark, markOf(10_002), "a clock that went back");
  equal(new Generations().next(100.031).mark, markOf(10_003), "another process, a moment later");
  equal(one.next(2_684_354.56).mark, markOf(0), "after a month they begin again");
  equal(markOf(2 ** 28 - 1), 0x7fffffff);
});

Deno.test("connections of the last eight generations that were in force are marked anew", () => {
  const generations = new Generations();
  const marks = Array.from({ length: 24 }, (_, at) => {
    const generation = generations.next(at);
    // Every other one fails.
    if (at % 2 === 0) generations.keep(generation);
    return generation.mark;
  });
  const kept = marks.filter((_, at) => at % 2 === 0).reverse();
  deepEqual(generations.next(24).earlier, kept.slice(0, 8));
});

Deno.test("marks of connections are found in rules that iptables does not show", () => {
  const of = (chain: string, ...expr: unknown[]) =>
    JSON.stringify({
      nftables: [{ metainfo: {} }, { rule: { family: "ip", table: "filter", chain, expr } }],
    });
  const match = { match: { op: "==", left: { ct: { key: "mark" } }, right: 5 } };
  const restore = {
    mangle: { key: { meta: { key: "mark" } }, value: { ct: { key: "mark" } } },
  };
  const compat = { xt: { type: "target", name: "CONNMARK" } };
  for (const one of [match, restore, compat]) {
    equal(usesConnectionMarks(of("vpn", { counter: null }, one)), true);
    equal(usesConnectionMarks(of("PFW-IN", { counter: null }, one)), false);
  }
  const state = { match: { op: "in", left: { ct: { key: "state" } }, right: "new" } };
  const log = { log: { prefix: '"ct":{"key":"mark"' } };
  equal(usesConnectionMarks(of("vpn", state, log)), false);
  equal(usesConnectionMarks("not JSON"), undefined);
});
