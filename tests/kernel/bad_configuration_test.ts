/** A configuration that cannot be used: one line, exit 2, and not one packet more or less passes. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  createPair,
  firewallText,
  kernelTest,
  type Link,
  NetworkNamespace,
} from "../support/netns.ts";
import { blockedHits } from "../support/flood.ts";
import { eventually, type RunningPfw, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { startSender } from "../support/traffic.ts";

interface BadFile {
  readonly name: string;
  /** Puts the bad configuration in the place of a good one. */
  readonly make: (sandbox: Sandbox) => void;
  readonly why: RegExp;
}

/** Writes text in place of the configuration. */
function write(text: string): BadFile["make"] {
  return (sandbox) => sandbox.writeConfig(text);
}

const BAD_FILES: BadFile[] = [
  { name: "empty", make: write(""), why: /empty/ },
  {
    name: "cut off in the middle",
    make: write('{"default_policy": "block", "rules": ['),
    why: /line 1: expected a closing/,
  },
  { name: "not JSON at all", make: write("#!/bin/sh\nexit 0\n"), why: /line 1:/ },
  { name: "not an object", make: write("[]"), why: /object/ },
  { name: "an unknown key", make: write('{"default_polcy": "block"}'), why: /default_policy/ },
  {
    name: "addresses that are none",
    make: write('{"blacklist_ips": ["10.9.0.256", "example.org"]}'),
    why: /blacklist_ips\[0\].*blacklist_ips\[1\]/,
  },
  {
    name: "a port that is none",
    make: write('{"rules": [{"name": "x", "action": "block", "ports": [70000]}]}'),
    why: /ports/,
  },
  { name: "not text", make: (box) => writeBytes(box, [0xff, 0xfe, 0x00, 0x80]), why: /UTF-8/ },
  { name: "nested without end", make: write("[".repeat(1_000_000)), why: /nest deeper/ },
  {
    name: "larger than 64 MB",
    make: (box) => Deno.truncateSync(box.paths.config, 65 * 1024 * 1024),
    why: /larger than 64 MB/,
  },
  {
    name: "writable by everybody",
    make: (box) => Deno.chmodSync(box.paths.config, 0o666),
    why: /everybody may write to it; look through it, then run: chmod o-w/,
  },
  {
    name: "somebody else's",
    make: (box) => Deno.chownSync(box.paths.config, 12_345, 12_345),
    why: /belongs to user 12345/,
  },
  { name: "a directory", make: (box) => replace(box, ["mkdir"]), why: /is a directory/ },
  { name: "a named pipe", make: (box) => replace(box, ["mkfifo"]), why: /not a regular file/ },
  {
    name: "a link to nowhere",
    make: (box) => replace(box, ["ln", "-s", "/nonexistent/file"]),
    why: /is a link that leads nowhere|was removed while pfw runs by it/,
  },
];

function writeBytes(sandbox: Sandbox, bytes: number[]): void {
  Deno.writeFileSync(sandbox.paths.config, Uint8Array.from(bytes));
}

function replace({ paths }: Sandbox, [program, ...args]: string[]): void {
  Deno.removeSync(paths.config);
  ok(new Deno.Command(program, { args: [...args, paths.config] }).outputSync().success);
}

function remove({ paths }: Sandbox): void {
  Deno.removeSync(paths.config, { recursive: true });
}

const GOOD = { blacklist_ips: ["10.9.0.2"], rate_limit: { enabled: false } };

kernelTest("a start with a bad configuration changes nothing", async (test) => {
  await using namespace = await NetworkNamespace.create();
  await using sandbox = new Sandbox();
  const before = await firewallText(namespace);
  for (const { name, make, why } of BAD_FILES) {
    await test.step(name, async () => {
      sandbox.writeConfig(GOOD);
      make(sandbox);
      const { code, out, err } = await runPfw(namespace, sandbox, ["start"]);
      deepEqual([code, out], [2, ""], err);
      match(err, /^pfw: [^\n]+: [^\n]+\n$/);
      match(err, why);
      equal(await firewallText(namespace), before);
      remove(sandbox);
    });
  }
});

/** Asks for a reload in one way or the other and waits for the refusal. */
async function refusal(pfw: RunningPfw, sandbox: Sandbox, bySignal: boolean): Promise<string> {
  if (!bySignal) {
    const { code, out, err } = await sandbox.pfw("reload");
    deepEqual([code, out], [2, ""], err);
    return err;
  }
  pfw.err = "";
  pfw.signal("SIGHUP");
  await pfw.waitFor(/^pfw: reload refused[^\n]*\n/m);
  return pfw.err;
}

async function stateOf({ local }: Link): Promise<string> {
  return (await firewallText(local)).replace(/\[\d+:\d+\]/g, "[0:0]");
}

kernelTest("a reload with a bad configuration lets the running policy stay", async (test) => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(GOOD);
  await link.local.run(["iptables", "-A", "INPUT", "-p", "udp", "--dport", "9", "-j", "ACCEPT"]);
  await using pfw = await startPfw(link.local, sandbox);
  const held = await stateOf(link);
  await using sender = startSender(link.remote, "10.9.0.1", 9, 120);
  await eventually(() => blockedHits(sandbox), (hits) => hits > 0);
  const cases = [...BAD_FILES, {
    name: "none",
    make: remove,
    why: /was removed while pfw runs by it/,
  }];
  for (const [at, { name, make, why }] of cases.entries()) {
    const bySignal = at % 2 === 0;
    await test.step(`${name}, by ${bySignal ? "SIGHUP" : "pfw reload"}`, async () => {
      make(sandbox);
      const text = await refusal(pfw, sandbox, bySignal);
      match(text, /^pfw: reload refused, the running policy stays: [^\n]+\n$/);
      match(text, why);
      equal(await stateOf(link), held);
      if (name !== "none") remove(sandbox);
      sandbox.writeConfig(GOOD);
    });
  }
  await test.step("blocked all the while, and a good one is taken", async () => {
    const saved = await link.local.run(["iptables-save", "-c"]);
    match(saved, /^\[0:0\] -A INPUT -p udp -m udp --dport 9 -j ACCEPT$/m);
    sandbox.writeConfig({ ...GOOD, default_policy: "block" });
    pfw.err = "";
    pfw.signal("SIGHUP");
    await pfw.waitFor(/^pfw: reloaded: default block[^\n]*\n/m);
  });
  await sender[Symbol.asyncDispose]();
  equal((await pfw.end()).code, 0);
});

kernelTest("a change that a bad configuration makes impossible is refused", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(GOOD);
  await using pfw = await startPfw(link.local, sandbox);
  const held = await stateOf(link);
  const broken = '{"blacklist_ips": [';
  sandbox.writeConfig(broken);
  const { code, out, err } = await sandbox.pfw("blacklist", "add", "192.0.2.1");
  deepEqual([code, out], [2, ""]);
  match(err, /^pfw: [^\n]+\n$/);
  equal(Deno.readTextFileSync(sandbox.paths.config), broken);
  equal(await stateOf(link), held);
  equal((await pfw.end()).code, 0);
});
