/** What is changed through the dashboard is in the kernel when the answer comes. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { DashboardClient } from "../support/dashboard_client.ts";
import { createPair, firewallText, kernelTest, type NetworkNamespace } from "../support/netns.ts";
import { makePage } from "../support/page.ts";
import { Probes } from "../support/probes.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

await makePage();

const START = ["--dashboard"];

const setHolds = async (namespace: NetworkNamespace, set: string, address: string) =>
  (await namespace.commands.run(["ipset", "test", set, address])).status === 0;

/** The rule of that number. */
async function ruleOf(client: DashboardClient, number: number) {
  const { config } = await client.get("/overview");
  return config.rules[number - 1];
}

kernelTest("dashboard: rules are added, changed, moved, switched and removed", async () => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ rules: [{ name: "first", action: "allow", protocol: "icmp" }] });
  await using pfw = await startPfw(link.local, sandbox, START);
  await pfw.waitFor(/dashboard at http:\/\/127\.0\.0\.1:8787\/#token=[\w-]{43}\n/);
  const client = await DashboardClient.of(sandbox, pfw);
  const blocked = ["in tcp 2001 10.9.0.2", "in tcp 2001 fd09::2"];
  const rule = { name: "No <b>2001</b>", action: "block", protocol: "tcp", ports: [2001] };
  const added = await client.change("/rules/add", { rule });
  match(added.done, /^added rule 2 /);
  deepEqual([added.changed, added.inKernel, added.pending], [true, true, null]);
  await probes.expect({ blocked, passes: ["in tcp 2002 10.9.0.2"] });
  const { number, id, packets } = await ruleOf(client, 2);
  ok(packets > 0, "hits from the kernel");
  equal(
    (await client.change("/rules/toggle", { number, id })).done.startsWith("switched off"),
    true,
  );
  await probes.expect({ blocked: [], passes: blocked });
  const twice = { number, id, enabled: true };
  equal((await client.change("/rules/toggle", twice)).changed, true);
  equal((await client.change("/rules/toggle", twice)).changed, false, "it is on already");
  const other = { ...rule, ports: [2002] };
  await client.change("/rules/replace", { number, id, rule: other });
  await probes.expect({ blocked: ["in tcp 2002 10.9.0.2"], passes: blocked });
  deepEqual(
    await client.ask("POST", "/rules/remove", { number, id }).then(([status, { code }]) => [
      status,
      code,
    ]),
    [409, "stale"],
    "it says something else by now",
  );
  const changed = await ruleOf(client, 2);
  await client.change("/rules/move", { number: 2, id: changed.id, to: 1 });
  deepEqual(sandbox.readConfig().rules.map(({ name }: { name: string }) => name), [
    rule.name,
    "first",
  ]);
  await client.change("/rules/remove", { number: 1, id: changed.id });
  await probes.expect({ blocked: [], passes: ["in tcp 2002 10.9.0.2", ...blocked] });
  const [status, refused] = await client.ask("POST", "/rules/add", {
    rule: { ...rule, ports: [99_999] },
  });
  deepEqual([status, refused.code], [422, "invalid"]);
  match(refused.error, /rule\.ports\[0\]: 99999 is not a port/);
});

kernelTest("dashboard: lists, ICMP, default policy and bans", async () => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using pfw = await startPfw(link.local, sandbox, START);
  const client = await DashboardClient.of(sandbox, pfw);
  await client.change("/lists/blacklist", { add: ["10.9.0.3", "fd09::3"] });
  await probes.expect({ blocked: ["in tcp 2001 10.9.0.3"], passes: ["in tcp 2001 10.9.0.2"] });
  await client.change("/lists/whitelist", { add: ["10.9.0.3"] });
  await probes.expect({ blocked: ["in tcp 2001 fd09::3"], passes: ["in tcp 2001 10.9.0.3"] });
  await client.change("/lists/whitelist", { remove: ["10.9.0.3"] });
  const { total, entries } = await client.get("/lists/blacklist?search=fd09");
  deepEqual([total, entries], [1, ["fd09::3"]]);
  await client.change("/lists/blacklist", { remove: ["10.9.0.3", "fd09::3"] });
  equal((await client.change("/icmp", { blocked: true })).inKernel, true);
  equal((await client.get("/overview")).config.icmpBlocked, true);
  await probes.expect({ blocked: ["in icmp 10.9.0.2", "in icmp fd09::2"], passes: [] });
  await client.change("/icmp", { blocked: false });
  await probes.expect({ blocked: [], passes: ["in icmp 10.9.0.2", "in tcp 2001 10.9.0.3"] });
  await client.change("/default-policy", { action: "block", force: true });
  await probes.expect({ blocked: ["in tcp 2001 10.9.0.2"], passes: [] });
  await client.change("/default-policy", { action: "allow" });
  const ban = { addresses: ["10.9.0.2"], seconds: 600, reason: "by hand" };
  await client.change("/bans", ban);
  ok(await setHolds(link.local, "pfw-ban4", "10.9.0.2"));
  await client.change("/bans/remove", { addresses: ["10.9.0.2"] });
  ok(!await setHolds(link.local, "pfw-ban4", "10.9.0.2"));
  const [status, refused] = await client.ask("POST", "/bans", { ...ban, addresses: ["10.9.0.1"] });
  deepEqual([status, refused.code, refused.cuts.length], [409, "would_cut", 1]);
});

kernelTest(
  "dashboard: what would cut the operator asks first, and returns unless kept",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig({});
    const env = { SSH_CONNECTION: "10.9.0.2 50000 10.9.0.1 22" };
    await using pfw = await startPfw(link.local, sandbox, START, { env });
    const client = await DashboardClient.of(sandbox, pfw);
    const rule = { name: "No SSH", action: "block", protocol: "tcp", ports: [22], direction: "in" };
    const before = await firewallText(link.local);
    const [status, refused] = await client.ask("POST", "/rules/add", { rule });
    deepEqual([status, refused.code], [409, "would_cut"]);
    deepEqual(refused.cuts, [{
      lifeline: "the SSH session from 10.9.0.2",
      by: 'rule 1 "No SSH"',
    }]);
    equal(
      (await firewallText(link.local)).includes("tcp --dport 22"),
      before.includes("--dport 22"),
    );
    const forced = await client.change("/rules/add", { rule, force: true, confirm: 60 });
    ok(forced.pending.secondsLeft > 50 && forced.pending.secondsLeft <= 60);
    const overview = await client.get("/overview");
    deepEqual([overview.config.rules.length, overview.pending?.user], [1, "dashboard"]);
    match((await client.change("/change/revert", {})).done, /^taken back: rules add "No SSH"/);
    equal((await client.get("/overview")).config.rules.length, 0);
    await client.change("/rules/add", { rule, force: true, confirm: 10 });
    const returned = await eventually(
      () => client.get("/overview"),
      ({ config }) => config.rules.length === 0,
    );
    deepEqual([returned.config.rules.length, returned.pending], [0, null]);
    await client.change("/rules/add", { rule, force: true, confirm: 60 });
    match((await client.change("/change/confirm", {})).done, /^kept: /);
    equal((await client.ask("POST", "/change/confirm", {}))[0], 422);
    equal(sandbox.readConfig().rules.length, 1);
    await client.change("/default-policy", { action: "block", force: true, confirm: 60 });
    await pfw.end("SIGKILL");
    // Who waits to take the change back must not hold what the next pfw needs.
    await using next = await startPfw(link.local, sandbox, START);
    equal((await next.end()).code, 0);
  },
);

kernelTest(
  "dashboard: enforcing ends and begins again, and only the kernel's drops count",
  async () => {
    await using link = await createPair();
    await using probes = await Probes.start(link);
    await using sandbox = new Sandbox();
    sandbox.writeConfig({
      rules: [{ name: "No 2001", action: "block", protocol: "tcp", ports: [2001] }],
      rate_limit: { enabled: false },
    });
    const empty = await firewallText(link.local);
    await using pfw = await startPfw(link.local, sandbox, START);
    const client = await DashboardClient.of(sandbox, pfw);
    const blocked = ["in tcp 2001 10.9.0.2"];
    const totals = async () => (await client.get("/overview")).status.totals;
    await probes.expect({ blocked, passes: [] });
    await eventually(totals, (sums) => sums.blocked > 0);
    const monitoring = await client.change("/mode", { mode: "monitor" });
    deepEqual([monitoring.changed, monitoring.inKernel], [true, false]);
    equal(await firewallText(link.local), empty, "no trace in the kernel");
    const before = await totals();
    await probes.expect({ blocked: [], passes: blocked });
    const after = await eventually(totals, (sums) => sums.wouldBlock > before.wouldBlock);
    ok(after.wouldBlock > before.wouldBlock);
    equal(after.blocked, before.blocked, "nothing counts as blocked that was not");
    equal((await client.change("/mode", { mode: "monitor" })).changed, false);
    const ban = { addresses: ["203.0.113.9"], seconds: 600, reason: "x" };
    await client.change("/bans", ban);
    const enforcing = await client.change("/mode", { mode: "enforce" });
    deepEqual([enforcing.changed, enforcing.inKernel], [true, true]);
    ok(await setHolds(link.local, "pfw-ban4", "203.0.113.9"), "bans of meanwhile are in force");
    await probes.expect({ blocked, passes: [] });
    const { losses } = (await client.get("/overview")).status;
    equal(losses.nflogLost, 0);
    await client.change("/rules/add", {
      rule: { name: "No 2002", action: "block", protocol: "tcp", ports: [2002] },
    });
    await probes.expect({ blocked: ["in tcp 2002 10.9.0.2"], passes: [] });
    equal((await pfw.end()).code, 0);
    equal(await firewallText(link.local), empty, "a clean stop leaves no trace");
  },
);

kernelTest("dashboard: events tell what happens, and that it ends", async () => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({
    rules: [{ name: "No 2001", action: "block", protocol: "tcp", ports: [2001] }],
  });
  await using pfw = await startPfw(link.local, sandbox, START);
  const client = await DashboardClient.of(sandbox, pfw);
  const events = client.events();
  const first = (await events.next()).value!;
  deepEqual([first.event, first.data.mode], ["hello", "enforce"]);
  const probing = probes.expect({ blocked: ["in tcp 2001 10.9.0.2"], passes: [] });
  for (;;) {
    const { event, data } = (await events.next()).value!;
    const row = event === "tick"
      ? data.rows.find((one: { action: string }) => one.action === "blocked")
      : undefined;
    if (!row) continue;
    deepEqual([row.src_ip, row.dst_port, row.reason, row.reason_code, row.interface], [
      "10.9.0.2",
      2001,
      "Rule: No 2001",
      "rule",
      "veth-0",
    ]);
    break;
  }
  await probing;
  await client.change("/lists/blacklist", { add: ["203.0.113.1"] });
  for (;;) {
    const { event, data } = (await events.next()).value!;
    if (event === "changed" && data.what.includes("config")) break;
  }
  const metrics = await client.text("/metrics");
  match(metrics, /^pfw_rule_packets_total\{.*rule="No 2001".*\} [1-9]/m);
  match(metrics, /^pfw_set_entries\{set="pfw-black4".*\} 1$/m);
  const series = await client.get("/series?span=5m");
  ok(series.blocked.rule.reduce((sum: number, value: number) => sum + value, 0) > 0);
  ok((await client.get("/logs?port=2001&ip=10.9.0.2&reason=rule")).rows.length > 0);
  for (const path of ["/logs?ip=nowhere", "/series?span=week"]) {
    const [status, { code, exitCode }] = await client.ask("GET", path);
    deepEqual([status, code, exitCode], [422, "invalid", 2], path);
  }
  pfw.signal("SIGTERM");
  let last;
  for await (const event of events) last = event;
  deepEqual(last, { event: "bye", data: { kept: false } });
  equal((await pfw.ended).code, 0);
});

kernelTest("dashboard: the configuration opens and closes it while pfw runs", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using pfw = await startPfw(link.local, sandbox);
  sandbox.writeConfig({ dashboard: { enabled: true, listen: "127.0.0.1:9000" } });
  pfw.signal("SIGHUP");
  await pfw.waitFor(/dashboard at http:\/\/127\.0\.0\.1:9000\/#token=/);
  const page = await link.local.run(["curl", "-si", "http://127.0.0.1:9000/"]);
  match(page, /^HTTP\/1.1 200[\s\S]*<!doctype html>/i);
  sandbox.writeConfig({});
  pfw.signal("SIGHUP");
  const closed = await eventually(
    async () => (await link.local.commands.run(["curl", "-s", "http://127.0.0.1:9000/"])).status,
    (status) => status === 7,
  );
  equal(closed, 7, "nobody listens there any more");
  equal((await pfw.end()).code, 0);
}, ["curl"]);
