/** Installing, upgrading and uninstalling on a machine with a service manager. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createPair, firewallText, kernelTestOnce, type Link } from "../support/netns.ts";
import { InjectedTraffic } from "../support/injected.ts";
import { pfwCommand } from "../support/pfw.ts";
import { eventually } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { SmallMachine } from "../support/small_systemd.ts";

const PORT = 2009;
const CONFIG = {
  rules: [{ name: "Closed", action: "block", ports: [PORT], direction: "in" }],
  // The sender shall be blocked by the rule alone: a ban would hide a window.
  rate_limit: { enabled: false },
  detection: { enabled: false },
  threat_feeds: [],
};
const CONFIG_FILE = "/etc/personal-firewall/firewall_rules.json";

/** A file that people could run as pfw; `version` makes another file of it. */
async function makeExecutable(sandbox: Sandbox, version: string): Promise<string> {
  const file = sandbox.path(`pfw-${version}`);
  const words = pfwCommand().argv.map((word) => `'${word}'`).join(" ");
  // As the self-extracting file does: the program knows which file people ran.
  const text = `#!/bin/sh\n# ${version}\nPFW_EXECUTABLE=$0 exec ${words} "$@"\n`;
  await Deno.writeTextFile(file, text, { mode: 0o755 });
  return file;
}

/** Datagrams that arrived behind pfw. */
async function arrived({ local }: Link): Promise<number> {
  const saved = await local.run(["iptables-save", "-c"]);
  return Number(/^\[(\d+):\d+\] -A INPUT .*-j ACCEPT$/m.exec(saved)![1]);
}

kernelTestOnce(
  "an installation from its first step to its last, and an upgrade without a window",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    await using machine = await SmallMachine.start(link.local, sandbox);
    const count = ["-p", "udp", "--dport", `${PORT}`, "-j", "ACCEPT"];
    await link.local.run(["iptables", "-A", "INPUT", ...count]);
    const before = (await firewallText(link.local)).replace(/\[\d+:\d+\]/g, "");
    await Deno.mkdir(machine.outside("/etc/personal-firewall"), { recursive: true });
    await Deno.writeTextFile(machine.outside(CONFIG_FILE), JSON.stringify(CONFIG), { mode: 0o600 });
    const [one, two] = [await makeExecutable(sandbox, "one"), await makeExecutable(sandbox, "two")];

    const planned = await machine.run([one, "install", "--dry-run"]);
    deepEqual([
      planned.status,
      await machine.calls().then((calls) => /restart|enable /.test(calls)),
    ], [0, false]);
    const first = await machine.run([one, "install"]);
    equal(first.stderr, "");
    equal(first.status, 0);
    match(first.stdout, /^as it was +make the configuration/m);
    match(first.stdout, /^done +start the service/m);
    match(await firewallText(link.local), /PFW-IN/);
    equal(await machine.read(CONFIG_FILE), JSON.stringify(CONFIG));
    match(await machine.read("/usr/local/bin/pfw"), /# one/);

    const pid = await machine.pid();
    const second = await machine.run([one, "install"]);
    equal(second.status, 0);
    ok(!/^done/m.test(second.stdout), second.stdout);
    equal(await machine.pid(), pid, "nothing is restarted for nothing");

    await using probes = await InjectedTraffic.start(link, {
      port: PORT,
      protocol: "udp",
      rate: 1000,
    });
    await eventually(() => probes.sent, (sent) => sent > 100);
    const sent = probes.sent;
    const third = await machine.run([two, "install"]);
    deepEqual([third.status, third.stderr], [0, ""]);
    match(third.stdout, /^done +copy pfw/m);
    match(third.stdout, /^done +start the service, or restart it/m);
    ok(probes.sent > sent + 100, "there was something to block");
    equal(await arrived(link), 0);
    ok(await machine.pid() !== pid);
    match(await machine.read("/usr/local/bin/pfw"), /# two/);
    equal(await machine.read(CONFIG_FILE), JSON.stringify(CONFIG));

    const removed = await machine.run(["/usr/local/bin/pfw", "uninstall", "--purge"]);
    deepEqual([removed.status, removed.stderr], [0, ""]);
    equal((await firewallText(link.local)).replace(/\[\d+:\d+\]/g, ""), before);
    ok(
      await eventually(() => arrived(link), (count) => count > 0) > 0,
      "probes arrive without pfw",
    );
    const left = await machine.run([
      "find",
      "/etc",
      "/usr/local",
      "/var",
      "/run",
      "-name",
      "*pfw*",
      // Of fail2ban.
      "!",
      "-name",
      "*ipfw*",
      "-o",
      "-name",
      "personal-firewall*",
    ]);
    equal(left.stdout, "");
  },
  ["nsenter", "unshare"],
);

kernelTestOnce(
  "an installation says what it meets: no systemd, ufw, a pfw started by hand",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    await using machine = await SmallMachine.start(link.local, sandbox);
    const file = await makeExecutable(sandbox, "one");
    const booted = machine.outside("/run/systemd/system");
    await Deno.remove(booted);
    await Deno.mkdir(machine.outside("/etc/ufw"), { recursive: true });
    await Deno.writeTextFile(machine.outside("/etc/ufw/ufw.conf"), "# ufw\nENABLED=yes\n");
    const bare = await machine.run([file, "install"]);
    equal(bare.status, 0);
    match(bare.stderr, /systemd does not run here: have your init run `pfw start`/);
    match(bare.stderr, /ufw is active: pfw leaves its rules alone/);
    equal(await machine.calls(), "");

    await Deno.mkdir(booted);
    const script = `${file} start --monitor >/run/out 2>&1 & echo $!`;
    const { stdout: pid } = await machine.run(["sh", "-c", script]);
    await eventually(() => machine.read("/run/out"), (out) => /pfw: ready/.test(out));
    const beside = await machine.run([file, "install"]);
    equal(beside.status, 0);
    match(
      beside.stderr,
      /not started: a pfw that was started by hand runs: end it with `pfw stop`/,
    );
    const refused = await machine.run([file, "uninstall"]);
    equal(refused.status, 1);
    match(refused.stderr, /^pfw: cannot uninstall: pfw is running; end it with `pfw stop`\n$/);
    match(await machine.read("/usr/local/bin/pfw"), /# one/);
    equal((await machine.run(["kill", pid.trim()])).status, 0);
    match(
      await eventually(() => machine.read("/run/out"), (out) => /stopped/.test(out)),
      /stopped/,
    );
  },
  ["nsenter", "unshare"],
);

kernelTestOnce(
  "an upgrade that does not start says so, and what was in force stays in force",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    await using machine = await SmallMachine.start(link.local, sandbox);
    const good = await makeExecutable(sandbox, "good");
    equal((await machine.run([good, "install"])).status, 0);
    const bad = await makeExecutable(sandbox, "bad");
    const text = await Deno.readTextFile(bad);
    const broken = text.replace("# bad", '# bad\n[ "$1" = start ] || [ "$1" = rules ] && exit 1\n');
    await Deno.writeTextFile(bad, broken);
    const failed = await machine.run([bad, "install"]);
    equal(failed.status, 1);
    match(
      failed.stderr,
      /^pfw: install stopped, cannot start the service.*systemctl restart failed/,
    );
    match(
      failed.stderr,
      /done before: copy pfw to \/usr\/local\/bin\/pfw; mend it and run `pfw install`/,
    );
    match(await firewallText(link.local), /PFW-IN/);
    const back = await machine.run([good, "install"]);
    deepEqual([back.status, back.stderr], [0, ""]);
    match(back.stdout, /^done +start the service/m);
  },
  ["nsenter", "unshare"],
);
