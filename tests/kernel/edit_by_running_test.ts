/** Changes that the running pfw makes for commands: the same as those that commands make. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createPair, kernelTest } from "../support/netns.ts";
import { runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const LONG = Array.from({ length: 3_000 }, (_, at) => `172.16.${at >> 8}.${at & 255}`);
const RULES = [{ name: "a", action: "block", ports: [23] }];

/** Changes that are made, that change nothing, and that are refused. */
const COMMANDS: readonly (readonly string[])[] = [
  ["rules", "add", "b", "allow", "--ports", "22", "--position", "1"],
  ["rules", "add", "b", "allow", "--ports", "22"],
  ["rules", "add", "c", "block", "--ports", "70000"],
  ["rules", "move", "1", "2"],
  ["rules", "toggle", "9"],
  ["blacklist", "add", "192.0.2.1", "172.16.0.1", "127.0.0.1"],
  ["blacklist", "remove", "198.51.100.1"],
  ["blacklist", "remove", "172.16.0.3", "172.16.11.183"],
  ["whitelist", "add", "192.0.2.0/24", "--json"],
  ["rules", "toggle", "2", "--json"],
  ["rules", "remove", "1", "2"],
];

/** What depends on who made the change and how long it took. */
function plain(text: string): string {
  return text.replace(/(: )[^:\n]*(kernel now|not running)[^\n]*/g, "$1…")
    .replace(/\n {2}"(running|inKernel|milliseconds)": [^\n]*/g, "");
}

kernelTest("a change says and does the same, whether pfw runs or not", async () => {
  await using link = await createPair();
  await using alone = new Sandbox();
  await using running = new Sandbox();
  for (const sandbox of [alone, running]) {
    sandbox.writeConfig({ rules: RULES, blacklist_ips: LONG });
  }
  await using _pfw = await startPfw(link.local, running);
  for (const words of COMMANDS) {
    const [a, b] = [await alone.pfw(...words), await runPfw(link.local, running, words)];
    deepEqual([b.code, plain(b.out), b.err], [a.code, plain(a.out), a.err], words.join(" "));
    equal(
      Deno.readTextFileSync(running.paths.config),
      Deno.readTextFileSync(alone.paths.config),
      words.join(" "),
    );
  }
  const historyOf = async (sandbox: Sandbox) => {
    const { entries } = JSON.parse((await sandbox.pfw("rules", "history", "--json")).out);
    return entries.slice(1).map(({ command, hash }: { command: string; hash: string }) =>
      `${command} ${hash}`
    );
  };
  deepEqual(await historyOf(running), await historyOf(alone));
});

kernelTest("a pfw that dies amid a change leaves file and kernel in agreement", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ rules: RULES });
  await using pfw = await startPfw(link.local, sandbox);
  // It takes the question and does no more.
  Deno.kill(pfw.pid, "SIGSTOP");
  const command = runPfw(link.local, sandbox, ["blacklist", "add", "192.0.2.1"]);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  Deno.kill(pfw.pid, "SIGKILL");
  const { code, out, err } = await command;
  deepEqual([code, out], [1, ""]);
  match(err, /^pfw: it is not known whether the change was made: .*; see pfw rules history\n$/);
  const inFile = (sandbox.readConfig().blacklist_ips ?? []).includes("192.0.2.1");
  const tested = await link.local.commands.run(["ipset", "test", "pfw-black4", "192.0.2.1"]);
  equal(tested.status === 0, inFile);
  const chains = await link.local.run(["iptables", "-S", "INPUT"]);
  ok(chains.includes("-A INPUT -j PFW-IN"), "the protection stands");
  match((await sandbox.pfw("rules", "toggle", "1")).out, /pfw is not running/);
});
