import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { DropPrefixes } from "../../engine/drop_prefixes.ts";
import { Enforcer } from "../../engine/kernel/enforcer.ts";
import type { KernelCounters } from "../../engine/kernel/counters.ts";
import { KernelGuard } from "../../engine/kernel_guard.ts";
import { parsePrefix } from "../../engine/net/address.ts";
import { EventBuffer, Mixed } from "../../engine/observe/event_buffer.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { Losses } from "../../engine/observe/losses.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { EMPTY_POLICY } from "../../engine/policy/policy.ts";

/** A guard over a kernel that does not answer. */
function guardOf(runs: string[] = [], prefixes = new DropPrefixes(new EventDetails())) {
  const enforcer = new Enforcer({
    commands: {
      run: (argv) => {
        runs.push(argv[0]);
        return Promise.resolve({ status: 1, stdout: "", stderr: "no kernel here\n" });
      },
    },
    nflogGroup: 77,
    stateFile: "/nonexistent/tables.json",
  });
  const ignore = () => {};
  const log = { info: ignore, warn: ignore, error: ignore };
  const totals = new Totals(), losses = new Losses(), blocked = new EventBuffer(16);
  const guard = new KernelGuard({ enforcer, prefixes, totals, losses, blocked, log });
  return { guard, totals, losses, blocked };
}

Deno.test("bans wait for the first policy, and come to nothing once the end has begun", async () => {
  const runs: string[] = [];
  const { guard } = guardOf(runs);
  const prefix = parsePrefix("192.0.2.1")!;
  guard.setBans([{ prefix, until: Date.now() + 60_000 }]);
  await guard.changeBans([], [prefix]);
  equal(runs.length, 0);
  await rejects(guard.apply(EMPTY_POLICY), /no kernel here/);
  await guard.stop();
  await rejects(guard.changeBans([], [prefix]), /cannot change the bans: pfw is stopping/);
  await rejects(guard.apply(EMPTY_POLICY), /cannot apply a policy: pfw is stopping/);
});

/** So many reports of drops by the blacklist come in. */
function report(prefixes: DropPrefixes, count: number): void {
  const bytes = new TextEncoder().encode("pfw:blacklist:-");
  for (let at = 0; at < count; at++) {
    const drop = prefixes.find(bytes, 0, bytes.length);
    if (drop) drop.packets++;
  }
}

/** What the kernel counted for the blacklist. */
const counted = (packets: number): KernelCounters => ({
  drops: [{ reason: "blacklist", ruleId: undefined, packets, bytes: 60 * packets }],
  allows: [],
});

Deno.test("drops without a report are counted, and no longer once the report comes after all", () => {
  const prefixes = new DropPrefixes(new EventDetails());
  report(prefixes, 7);
  const { guard, losses, totals } = guardOf([], prefixes);
  report(prefixes, 60);
  guard.reconcile(counted(100), new Map([["blacklist:", 67]]));
  equal(losses.nflogLost, 40, "what came before this guard is none of its counting");
  report(prefixes, 30);
  const before = new Map([["blacklist:", 97]]);
  report(prefixes, 500);
  guard.reconcile(counted(100), before);
  equal(losses.nflogLost, 10, "30 came late; what is dropped after the reading is not in it");
  guard.reconcile(counted(600));
  equal(losses.nflogLost, 10);
  guard.reconcile(counted(650));
  equal(losses.nflogLost, 60);
  report(prefixes, 60);
  guard.reconcile(counted(650));
  equal(losses.nflogLost, 0, "all came in the end");
  equal(totals.toJSON().blocked, 0, "reports are counted where they are read");
});

Deno.test("drops without a report get a row without addresses once no report can come any more", () => {
  const prefixes = new DropPrefixes(new EventDetails());
  const { guard, totals, blocked } = guardOf([], prefixes);
  report(prefixes, 10);
  const before = new Map([["blacklist:", 10]]);
  guard.reconcile(counted(100), before);
  equal(totals.toJSON().blocked, 90);
  equal(totals.toJSON().blockedBytes, 90 * 60);
  equal(blocked.count, 0, "their reports may still come");
  report(prefixes, 20);
  guard.reconcile(counted(130), new Map([["blacklist:", 30]]));
  deepEqual([...blocked.rowHits.subarray(0, blocked.count)], [90]);
  ok((blocked.mixed[0] & Mixed.source) !== 0 && (blocked.mixed[0] & Mixed.destinationPort) !== 0);
  equal(blocked.hits, 90);
  guard.reconcile(counted(135));
  equal(blocked.hits, 105, "at the end all of them");
  equal(totals.toJSON().blocked, 105);
  equal(blocked.blurred, 105);
});
