import { deepEqual, equal, notEqual } from "node:assert/strict";
import { AppliedPolicy } from "../../engine/kernel/applied.ts";
import { usesConnectionMarks } from "../../engine/kernel/nft_chains.ts";
import { Generations, markOf } from "../../engine/kernel/judged.ts";
import type { KernelState } from "../../engine/kernel/kernel_state.ts";
import type { KernelPlan } from "../../engine/kernel/plan.ts";
import { Planner } from "../../engine/kernel/planner.ts";
import { parseIptablesSave } from "../../engine/kernel/saved_state.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { policy, ports, rule } from "../support/policies.ts";

const ours = (text: string): KernelState => ({
  tables: new Map([[4, parseIptablesSave(text)]]),
  sets: new Map(),
});
const EMPTY = ours("");

/** A machine whose kernel can mark connections, or cannot. */
function plannerOf(status = 0) {
  const planner = new Planner({
    nflogGroup: 1,
    commands: { run: () => Promise.resolve({ status, stdout: "", stderr: "" }) },
  });
  let applied: AppliedPolicy | undefined;
  const apply = async (wanted: Policy, before = EMPTY): Promise<KernelPlan> => {
    const plan = await planner.plan(wanted, {
      families: [4, 6],
      banned: new Set(),
      before,
      applied,
      isHurried: false,
    });
    applied = new AppliedPolicy(wanted, plan, before);
    return plan;
  };
  return { planner, apply };
}

const threats = ["198.51.100.1"], blacklist = ["192.0.2.1"];

Deno.test("connections are judged again by a policy that judges otherwise, and by no other", async () => {
  const { planner, apply } = plannerOf();
  const mark = async (wanted: Policy) => (await apply(wanted)).mark;
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
  await isNew(policy({ rateLimit: { connections: 3, seconds: 9 } }), "what others touched");
});

Deno.test("where connections cannot be marked, or others mark them, each packet is judged", async () => {
  const asks = ours("*mangle\n:FORWARD ACCEPT [0:0]\n[0:0] -A FORWARD -m connmark --mark 0x1\n");
  const sets = ours(
    "*mangle\n:x - [0:0]\n[0:0] -A x -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff\n",
  );
  const { planner, apply } = plannerOf();
  const marked = await apply(policy({ threats }));
  equal(await planner.isOutdated(marked, EMPTY), false);
  for (const others of [asks, sets]) {
    equal(await planner.isOutdated(marked, others), true);
    const plan = await apply(policy({ threats }), others);
    equal(plan.mark, undefined);
    deepEqual(plan.families[0].raw.mains[0].rules.length, 1);
    equal(await planner.isOutdated(plan, others), false);
    equal(await planner.isOutdated(plan, EMPTY), true);
  }
  equal((await plannerOf(1).apply(policy({ threats }))).mark, undefined);
});

Deno.test("no generation comes twice, whoever gives it", () => {
  const one = new Generations();
  const first = one.next(100.001);
  equal(first, markOf(10_000));
  equal(one.next(100.001), markOf(10_001));
  equal(one.next(50), markOf(10_002), "a clock that went back");
  equal(new Generations().next(100.031), markOf(10_003), "another process, a moment later");
  equal(one.next(2_684_354.56), markOf(0), "after a month they begin again");
  equal(markOf(2 ** 28 - 1), 0x7fffffff);
});

Deno.test("marks of connections are found in rules of nftables, those of iptables left out", () => {
  const of = (family: string, table: string, ...expr: unknown[]) =>
    JSON.stringify({ nftables: [{ metainfo: {} }, { rule: { family, table, expr } }] });
  const match = { match: { op: "==", left: { ct: { key: "mark" } }, right: 5 } };
  const restore = {
    mangle: { key: { meta: { key: "mark" } }, value: { ct: { key: "mark" } } },
  };
  equal(usesConnectionMarks(of("inet", "vpn", { counter: null }, restore)), true);
  equal(usesConnectionMarks(of("ip", "mine", match)), true);
  equal(usesConnectionMarks(of("ip", "filter", match)), false);
  const state = { match: { op: "in", left: { ct: { key: "state" } }, right: "new" } };
  equal(
    usesConnectionMarks(of("inet", "vpn", state, { log: { prefix: '"ct":{"key":"mark"' } })),
    false,
  );
  equal(usesConnectionMarks("not JSON"), false);
});
