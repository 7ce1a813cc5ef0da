/** Nobody locks themselves out of a machine that enforces, and what was meant for now only returns. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createPair, kernelTest, type Link, type NetworkNamespace } from "../support/netns.ts";
import { Probes } from "../support/probes.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { keepTalking, startServer } from "../support/traffic.ts";
import { withoutGeneration } from "../support/two_policies.ts";

const DNS = "10.9.0.53";

/** A pfw that enforces on a machine with a default route and a name server of its own. */
async function startAtHome({ local }: Link, sandbox: Sandbox) {
  await local.run(["ip", "route", "add", "default", "via", "10.9.0.2"]);
  const resolv = sandbox.path("resolv.conf");
  await Deno.writeTextFile(resolv, `nameserver ${DNS}\n`);
  const mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  return startPfw(local, sandbox, [], {
    through: ["unshare", "--mount", "sh", "-c", mount, resolv],
  });
}

const rulesText = async (namespace: NetworkNamespace) =>
  withoutGeneration(
    (await namespace.run(["iptables-save"])).replace(/^#.*$|\[\d+:\d+\]/gm, ""),
  );

kernelTest(
  "what cuts gateway, DNS or session is refused unless forced; the rest is not",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig({});
    await using _pfw = await startAtHome(link, sandbox);
    const change = (...words: string[]) => runPfw(link.local, sandbox, words);
    const before = await rulesText(link.local);
    const cases: [RegExp, string[]][] = [
      [/the blacklist would cut the default gateway 10\.9\.0\.2;/, [
        "blacklist",
        "add",
        "10.9.0.2",
      ]],
      [/rule 1 "x" would cut the DNS server 10\.9\.0\.53;/, [
        ...["rules", "add", "x", "block", "--protocol", "udp", "--ports", "53"],
      ]],
      [/"x" would cut the default gateway 10\.9\.0\.2, and 1 more/, ["rules", "add", "x", "block"]],
    ];
    for (const [why, words] of cases) {
      const { code, out, err } = await change(...words);
      deepEqual([code, out], [1, ""]);
      match(err, why);
    }
    equal(await rulesText(link.local), before);
    deepEqual(sandbox.readConfig(), {});
    equal((await change("rules", "add", "x", "block", "--protocol", "icmp")).code, 0);
    const forced = await change("blacklist", "add", "10.9.0.2", "--force");
    equal(forced.code, 0);
    match(forced.out, /in the kernel now/);
  },
);

kernelTest("what cuts the one address that leads to the gateway is refused", async () => {
  await using link = await createPair();
  const { local } = link;
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  // As a bridge for containers has: nothing goes to the gateway from there.
  await local.run(["ip", "addr", "add", "172.17.0.1/16", "dev", "veth-0"]);
  await using _pfw = await startAtHome(link, sandbox);
  const change = (...words: string[]) => runPfw(local, sandbox, words);
  const lan = ["rules", "add", "lan", "block", "--source", "10.9.0.0/24"];
  const dns = [...lan, "--protocol", "udp", "--ports", "53", "--direction", "out"];
  for (const [words, what] of [[lan, "default gateway 10.9.0.2"], [dns, `DNS server ${DNS}`]]) {
    const { code, err } = await change(...words);
    equal(code, 1);
    ok(err.includes(`rule 1 "lan" would cut the ${what}`), err);
  }
  const other = ["rules", "add", "bridge", "block", "--source", "172.17.0.0/16"];
  equal((await change(...other)).code, 0);
  equal((await change(...lan, "--force")).code, 0);
  const ask = ["explain", "10.9.0.2", "--direction", "out", "--protocol", "tcp", "--port", "80"];
  const explained = JSON.parse((await change(...ask, "--json")).out);
  deepEqual([explained.action, explained.reason], ["block", "Rule: lan"]);
  match(
    (await change("explain", "10.9.0.2", "--protocol", "tcp", "--port", "80")).out,
    /is blocked/,
  );
});

kernelTest("a session that sshd's port has counts, though no variable tells of it", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using _server = await startServer(link.local, [22]);
  await using client = keepTalking(link.remote, { protocol: "tcp", to: "10.9.0.1", port: 22 });
  equal(await client.line(), "echo");
  await using _pfw = await startPfw(link.local, sandbox);
  const words = ["rules", "add", "x", "block", "--protocol", "tcp", "--ports", "22"];
  const { code, err } = await runPfw(link.local, sandbox, words);
  equal(code, 1);
  match(err, /rule 1 "x" would cut the SSH session from 10\.9\.0\.2;/);
  const env = { SSH_CONNECTION: "10.9.0.77 50000 10.9.0.1 22" };
  const gone = await runPfw(link.local, sandbox, ["blacklist", "add", "10.9.0.77"], { env });
  match(gone.err, /the blacklist would cut the SSH session from 10\.9\.0\.77;/);
  equal(await client.line(), "echo");
});

kernelTest(
  "an edited file that cuts is refused by reload and SIGHUP, warned of by start",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig({});
    await using pfw = await startAtHome(link, sandbox);
    const before = await rulesText(link.local);
    sandbox.writeConfig({ default_policy: "block" });
    const refused = await runPfw(link.local, sandbox, ["reload"]);
    equal(refused.code, 1);
    match(refused.err, /the default policy "block" would cut the default gateway 10\.9\.0\.2/);
    pfw.signal("SIGHUP");
    await pfw.waitFor(/pfw: reload refused, the running policy stays: .* would cut /);
    equal(await rulesText(link.local), before);
    const forced = await runPfw(link.local, sandbox, ["reload", "--force"]);
    deepEqual([forced.code, forced.err], [0, ""]);
    await pfw.end();
    const env = { SSH_CONNECTION: "10.9.0.2 50000 10.9.0.1 22" };
    const attended = await runPfw(link.local, sandbox, ["start"], { env });
    equal(attended.code, 1);
    match(attended.err, /^pfw: cannot start: .* would cut the SSH session from 10\.9\.0\.2;/);
    await using again = await startPfw(link.local, sandbox);
    match(
      again.err,
      /pfw: warning: the default policy "block" cuts the default gateway 10\.9\.0\.2\n/,
    );
  },
);

const CUT = ["rules", "add", "Cut", "block", "--protocol", "udp", "--ports", "2001"];
const CONCERNED = ["in udp 2001 10.9.0.2", "out udp 2001 fd09::2"];

kernelTest("who watches over a change ends when it is kept", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using _pfw = await startPfw(link.local, sandbox);
  const words = ["rules", "add", "x", "block", "--ports", "23", "--confirm", "3600"];
  equal((await runPfw(link.local, sandbox, words)).code, 0);
  const guards = async () => {
    const found = await link.local.run(["ip", "netns", "pids", link.local.name]);
    const texts = found.trim().split("\n").map(commandLine);
    return texts.filter((text) => text.includes("return-unconfirmed")).length;
  };
  equal(await guards(), 1);
  equal((await runPfw(link.local, sandbox, ["rules", "confirm"])).code, 0);
  equal(await eventually(guards, (count) => count === 0), 0);
});

/** Of a process that may have ended. */
function commandLine(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    return "";
  }
}

kernelTest("a change that nobody confirms returns in file and kernel", async () => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using _pfw = await startPfw(link.local, sandbox);
  const { code, out } = await runPfw(link.local, sandbox, [...CUT, "--confirm", "4"]);
  equal(code, 0);
  match(
    out,
    /in the kernel now .*\nthe policy before returns in 4 seconds, .*pfw rules confirm\n$/,
  );
  await probes.expect({ blocked: CONCERNED, passes: [] });
  deepEqual(await eventually(() => sandbox.readConfig(), (config) => !config.rules), {});
  await eventually(() => pendingOf(sandbox), (pending) => pending === null);
  await probes.expect({ blocked: [], passes: CONCERNED });
  equal((await runPfw(link.local, sandbox, [...CUT, "--confirm", "60"])).code, 0);
  equal((await runPfw(link.local, sandbox, ["rules", "confirm"])).code, 0);
  equal(sandbox.readConfig().rules.length, 1);
});

async function pendingOf(sandbox: Sandbox): Promise<unknown> {
  return (await sandbox.status()).pending;
}

kernelTest("it returns also when pfw was killed meanwhile", async () => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  const kept = { name: "Kept", action: "block", protocol: "udp", ports: [2002], direction: "in" };
  sandbox.writeConfig({ rules: [kept] });
  await using pfw = await startPfw(link.local, sandbox);
  const before = await rulesText(link.local);
  equal((await runPfw(link.local, sandbox, [...CUT, "--confirm", "3"])).code, 0);
  await pfw.end("SIGKILL");
  await probes.expect({ blocked: CONCERNED, passes: [] });
  const pendingFile = sandbox.path("data/pending_change.json");
  const exists = () => Deno.stat(pendingFile).then(() => true, () => false);
  equal(await eventually(exists, (waits) => !waits), false);
  equal(await rulesText(link.local), before);
  await probes.expect({ blocked: ["in udp 2002 10.9.0.2"], passes: CONCERNED });
  deepEqual(sandbox.readConfig(), { rules: [kept] });
});

kernelTest("it returns with the next word to pfw when all who watched were killed", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using pfw = await startPfw(link.local, sandbox);
  const before = await rulesText(link.local);
  equal((await runPfw(link.local, sandbox, [...CUT, "--confirm", "3"])).code, 0);
  await pfw.end("SIGKILL");
  const { id } = JSON.parse(Deno.readTextFileSync(sandbox.path("data/pending_change.json")));
  const watchers = (await link.local.run(["ip", "netns", "pids", link.local.name])).trim();
  let killed = 0;
  for (const pid of watchers.split("\n")) {
    const words = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
    if (!words.includes(id)) continue;
    Deno.kill(Number(pid), "SIGKILL");
    killed++;
  }
  ok(killed > 0, "nobody watched");
  await new Promise((resolve) => setTimeout(resolve, 3500));
  ok(await rulesText(link.local) !== before);
  const status = await runPfw(link.local, sandbox, ["status"]);
  match(status.err, /`rules add Cut .*` was not confirmed in time: the policy before it is back/);
  equal(await rulesText(link.local), before);
});

kernelTest("on_exit keep: a clean stop leaves the kernel enforcing, and says so", async () => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  const rules = [{ name: "No 2001", action: "block", protocol: "udp", ports: [2001] }];
  sandbox.writeConfig({ on_exit: "keep", rules });
  await using pfw = await startPfw(link.local, sandbox);
  const stopped = await runPfw(link.local, sandbox, ["stop"]);
  equal(stopped.code, 0);
  match(stopped.out, /^pfw stopped; the kernel goes on enforcing \(on_exit "keep"\)/);
  equal((await pfw.ended).code, 0);
  await probes.expect({ blocked: CONCERNED, passes: ["in udp 2002 10.9.0.2"] });
  sandbox.writeConfig({ rules });
  await using second = await startPfw(link.local, sandbox);
  await probes.expect({ blocked: CONCERNED, passes: ["in udp 2002 10.9.0.2"] });
  const json = await runPfw(link.local, sandbox, ["stop", "--json"]);
  deepEqual(JSON.parse(json.out), { stopped: true, running: false, onExit: "remove" });
  await second.ended;
  await probes.expect({ blocked: [], passes: CONCERNED });
});
