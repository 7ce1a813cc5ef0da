import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Command } from "commander";
import { completions } from "../../cli/commands/completion_print.ts";
import { SHELLS } from "../../cli/commands/completion_scripts.ts";
import { SOURCES } from "../../cli/commands/completion_values.ts";
import { buildProgram } from "../../cli/program.ts";
import { Sandbox } from "../support/sandbox.ts";
import { missingFor, prepareShell, typeInto } from "./typed_shell.ts";

const RULES = [
  { name: "No telnet", action: "block", protocol: "tcp", ports: [23] },
  { name: "Office: only", action: "allow" },
];
const FEEDS = [
  { name: "Feodo Tracker", url: "https://example.com/a.txt", enabled: true },
  { name: "Off one", url: "https://example.com/b.txt", enabled: false },
];
const CONFIG = {
  rules: RULES,
  blacklist_ips: ["203.0.113.7", "2001:db8::/32", "2001:db9::1"],
  threat_feeds: FEEDS,
};

/** What pfw offers for a line whose words are given, the last one to be completed. */
async function offered(sandbox: Sandbox, ...words: string[]): Promise<string[]> {
  const all = ["--config", sandbox.paths.config, ...words];
  return (await completions(buildProgram(), all)).trimEnd().split("\n");
}

async function values(sandbox: Sandbox, ...words: string[]): Promise<string[]> {
  return (await offered(sandbox, ...words)).slice(1).map((line) => line.split("\t")[0]);
}

Deno.test("completion: commands, and nothing that help hides", async () => {
  await using sandbox = new Sandbox();
  const words = await values(sandbox, "");
  for (const name of ["start", "rules", "completion"]) ok(words.includes(name), name);
  for (const name of ["__complete", "toggle", "man"]) ok(!words.includes(name), name);
  deepEqual(await values(sandbox, "rules", "to"), ["toggle"]);
  deepEqual(await values(sandbox, "rules", "nonsense", ""), []);
});

Deno.test("completion: options and their choices come from the definitions", async () => {
  await using sandbox = new Sandbox();
  deepEqual(await values(sandbox, "rules", "add", "x", ""), ["allow", "block"]);
  deepEqual(await values(sandbox, "rules", "add", "--protocol", ""), ["tcp", "udp", "icmp", "any"]);
  deepEqual(await values(sandbox, "logs", "--type=b"), ["--type=blocked"]);
  ok((await values(sandbox, "rules", "add", "--d")).includes("--direction"));
  ok((await values(sandbox, "rules", "add", "--d")).includes("--data-dir"), "of the whole program");
  const used = await values(sandbox, "rules", "add", "--protocol", "tcp", "--");
  ok(!used.includes("--protocol"), "an option that stands there already");
  ok(used.includes("--source"), "one that may be repeated");
});

Deno.test("completion: values of this machine", async () => {
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  deepEqual(await offered(sandbox, "rules", "remove", ""), [
    "none",
    "1\tblock: No telnet",
    "2\tallow: Office: only",
  ]);
  deepEqual(await values(sandbox, "rules", "remove", "1", ""), ["2"]);
  deepEqual(await values(sandbox, "toggle", ""), ["1", "2"], "the older words too");
  deepEqual(await values(sandbox, "rules", "move", "2", ""), ["1", "2"]);
  deepEqual(await values(sandbox, "blacklist", "remove", "2001:db8"), ["2001:db8::/32"]);
  deepEqual(await values(sandbox, "threats", "feeds", "disable", ""), ["Feodo Tracker"]);
  const toEnable = await values(sandbox, "threats", "feeds", "enable", "");
  equal(toEnable[0], "Off one");
  ok(toEnable.includes("Spamhaus DROP") && !toEnable.includes("Feodo Tracker"));
  ok((await values(sandbox, "start", "")).includes("lo"));
  ok((await values(sandbox, "logs", "--reason", "")).includes("rate_limit"));
});

Deno.test("completion: files and directories are left to the shell", async () => {
  await using sandbox = new Sandbox();
  deepEqual(await offered(sandbox, "rules", "import", ""), ["files"]);
  deepEqual(await offered(sandbox, "start", "--read", ""), ["files"]);
  deepEqual(await offered(sandbox, "--data-dir", ""), ["directories"]);
  deepEqual(await offered(sandbox, "stop", ""), ["none"]);
});

Deno.test("completion: a long list is cut, and banned addresses are asked of the running pfw", async () => {
  await using sandbox = new Sandbox();
  const addresses = Array.from({ length: 1000 }, (_, at) => `10.1.${at >> 8}.${at & 255}`);
  sandbox.writeConfig({ blacklist_ips: addresses });
  equal((await values(sandbox, "blacklist", "remove", "")).length, 200);
  const bans = [{ address: "198.51.100.9", reason: "port scan:\t24 ports \x1b[31m" }];
  sandbox.standIn((request) => request === "GET /bans" ? [200, { bans }] : [404, {}]);
  const { runDir } = sandbox.paths;
  const lines = await offered(sandbox, "--run-dir", runDir, "bans", "remove", "");
  deepEqual(lines.slice(1), ["198.51.100.9\tport scan: 24 ports [31m"]);
});

Deno.test("completion: it is silent and ends well whatever it is asked", async () => {
  await using sandbox = new Sandbox();
  sandbox.writeConfig("{ broken");
  for (const words of [["rules", "remove", ""], ["--"], [], ["\x1b", "-"], ["--config", "/", ""]]) {
    const { code, err } = await sandbox.pfw("__complete", "--", ...words);
    deepEqual([code, err], [0, ""], JSON.stringify(words));
  }
  deepEqual((await sandbox.pfw("__complete", "--", "rules", "remove", "")).out, "none\n");
  deepEqual([...Deno.readDirSync(sandbox.path("etc"))].map(({ name }) => name), [
    "firewall_rules.json",
  ], "no lock is left, so none was taken");
});

Deno.test("completion: every value has a command that takes it", () => {
  const known = new Set<string>();
  const walk = (command: Command, path: string[]) => {
    for (const argument of command.registeredArguments) {
      known.add([...path, `<${argument.name()}>`].join(" "));
    }
    for (const option of command.options) known.add([...path, option.long].join(" "));
    for (const child of command.commands) walk(child, [...path, child.name()]);
  };
  const program = buildProgram();
  walk(program, []);
  deepEqual(Object.keys(SOURCES).filter((path) => !known.has(path)), []);
});

for (const shell of SHELLS) {
  const missing = missingFor(shell);
  Deno.test({
    name: `completion: ${shell} takes the script${missing && ` (left out: ${missing})`}`,
    ignore: missing !== "",
    fn: async () => {
      await using sandbox = new Sandbox();
      const folder = await prepareShell(sandbox, shell);
      const file = `${folder}/${shell === "zsh" ? "_pfw" : "completion"}`;
      const { code, stderr } = await new Deno.Command(shell, { args: ["-n", file] }).output();
      deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
    },
  });
}

for (const shell of ["bash", "zsh"] as const) {
  const missing = missingFor(shell);
  Deno.test({
    name: `completion: the Tab key in ${shell}${missing && ` (left out: ${missing})`}`,
    ignore: missing !== "",
    fn: async () => {
      await using sandbox = new Sandbox();
      sandbox.writeConfig({ ...CONFIG, rules: RULES.slice(0, 1) });
      await Deno.mkdir(sandbox.path("bin/some folder"), { recursive: true });
      const lines: [typed: string, ran: string][] = [
        ["pfw rul\ttog\t\t", "<rules><toggle><1>"],
        ["pfw blacklist remove 2001:db9\t", "<blacklist><remove><2001:db9::1>"],
        ["pfw blacklist remove 203\t2001:db8\t", "<blacklist><remove><203.0.113.7><2001:db8::/32>"],
        ["pfw logs --typ\t al\t", "<logs><--type><allowed>"],
        ["pfw logs --type=al\t", "<logs><--type=allowed>"],
        ["pfw --data-dir some\tx", "<--data-dir><some folder/x>"],
        ["pfw rules add 'a b' bl\t--proto\tic\t", "<rules><add><a b><block><--protocol><icmp>"],
        ["pfw st nothing\t", "<st><nothing>"],
        ["pfw threats feeds disable Feo\t", "<threats><feeds><disable><Feodo Tracker>"],
      ];
      const ran = await typeInto(shell, sandbox, lines.map(([typed]) => typed));
      deepEqual(ran, lines.map(([, words]) => words));
    },
  });
}

const noFish = missingFor("fish");
Deno.test({
  name: `completion: fish offers words with what they mean${noFish && ` (left out: ${noFish})`}`,
  ignore: noFish !== "",
  fn: async () => {
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    const folder = await prepareShell(sandbox, "fish");
    const ask = async (line: string) => {
      const { stdout, stderr } = await new Deno.Command("fish", {
        args: ["--no-config", "-c", `source ${folder}/completion; complete -C "${line}"`],
        env: { ...sandbox.env, HOME: sandbox.directory, PATH: `${folder}:${Deno.env.get("PATH")}` },
        cwd: folder,
      }).output();
      equal(new TextDecoder().decode(stderr), "");
      return new TextDecoder().decode(stdout).trimEnd();
    };
    match(await ask("pfw rules tog"), /^toggle\tswitch a rule off or on$/);
    equal(await ask("pfw rules remove "), "1\tblock: No telnet\n2\tallow: Office: only");
    equal(await ask("pfw blacklist remove 2001:db9"), "2001:db9::1");
    match(await ask("pfw rules import com"), /^completion/);
    equal(await ask("pfw stop "), "");
  },
});
