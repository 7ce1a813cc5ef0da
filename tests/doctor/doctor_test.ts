import assert from "node:assert/strict";
import { join } from "node:path";
import { checkDirectory, checkPrivilege, diagnose } from "../../engine/doctor.ts";
import type { Check } from "../../engine/doctor_check.ts";
import { checkKernel, guessFeature, programVersion } from "../../engine/doctor_kernel.ts";
import type { CommandOutput, Commands } from "../../engine/kernel/command.ts";
import { resolvePaths } from "../../engine/paths.ts";

Deno.test("doctor: root alone is not enough, the capabilities count", () => {
  const status = (mask: string) => `Name:\tpfw\nCapInh:\t0\nCapEff:\t${mask}\nCapBnd:\t0\n`;
  assert.equal(checkPrivilege(status("000001ffffffffff"), true).state, "ok");
  assert.equal(checkPrivilege(status("0000000000003000"), true).state, "ok");
  const container = checkPrivilege(status("00000000a80425fb"), true);
  assert.deepEqual([container.state, container.detail], ["missing", "root without CAP_NET_ADMIN"]);
  assert.match(checkPrivilege(status("0"), true).detail, /CAP_NET_ADMIN and CAP_NET_RAW/);
  assert.equal(checkPrivilege(status("000001ffffffffff"), false).detail, "not root");
});

Deno.test("doctor: versions of the tools as they print them", () => {
  assert.equal(programVersion("iptables v1.8.9 (nf_tables)\n"), "1.8.9, nf_tables");
  assert.equal(programVersion("ip6tables v1.8.7 (legacy)\n"), "1.8.7, legacy");
  assert.equal(programVersion("iptables v1.6.1\n"), "1.6.1");
  assert.equal(programVersion("ipset v7.17, protocol version: 7\n"), "7.17, protocol 7");
  assert.equal(programVersion("command not found"), undefined);
});

const feature = { name: "set match", symbols: ["NETFILTER_XT_SET"], rule: "" };

Deno.test("doctor: a kernel that cannot be asked is judged by its configuration", () => {
  const guess = (config: string) => guessFeature(feature, config, "no permission");
  const builtIn = guess("CONFIG_X=y\nCONFIG_NETFILTER_XT_SET=y\n");
  assert.deepEqual([builtIn.state, builtIn.detail], [
    "warning",
    "built in, not tried: no permission",
  ]);
  assert.match(guess("CONFIG_NETFILTER_XT_SET=m\n").detail, /^a module/);
  assert.equal(guess("# CONFIG_NETFILTER_XT_SET is not set\n").state, "missing");
  assert.equal(guess("CONFIG_NETFILTER_XT_SET_MORE=y\n").state, "missing");
  assert.equal(guess("").state, "warning");
});

/** A machine on which commands do what a test says, by the words of the command and its input. */
function machine(answer: (words: string, stdin: string) => string | undefined): Commands {
  return {
    run: (argv, stdin = ""): Promise<CommandOutput> => {
      const refusal = answer(argv.join(" "), [...stdin].join(""));
      if (argv.at(-1) === "--version") {
        return Promise.resolve({ status: 0, stdout: "v1.8.9 (nf_tables)", stderr: "" });
      }
      const status = refusal === undefined ? 0 : 2;
      return Promise.resolve({ status, stdout: "", stderr: refusal ?? "" });
    },
  };
}

function stateOf(checks: readonly Check[], name: string): Check {
  const check = checks.find((one) => one.name === name);
  assert.ok(check, `${name} is checked`);
  return check;
}

Deno.test("doctor: a rule that one family refuses is missing, the others are there", async () => {
  const checks = await checkKernel(
    machine((words, stdin) =>
      words.includes("ip6tables-restore") && stdin.includes("hashlimit")
        ? "Extension hashlimit revision 0 not supported\nmore"
        : undefined
    ),
  );
  const hashlimit = stateOf(checks, "hashlimit match");
  assert.equal(hashlimit.state, "missing");
  assert.equal(hashlimit.detail, "IPv6: Extension hashlimit revision 0 not supported");
  assert.match(hashlimit.fix, /CONFIG_NETFILTER_XT_MATCH_HASHLIMIT/);
  assert.equal(stateOf(checks, "NFLOG target").state, "ok");
  assert.equal(stateOf(checks, "raw table").state, "ok");
});

Deno.test("doctor: every try happens in a namespace of its own", async () => {
  const tried: string[] = [];
  await checkKernel(machine((words, stdin) => void (stdin && tried.push(words))));
  assert.equal(tried.length, 17);
  for (const words of tried) assert.match(words, /^unshare (--user --map-root-user )?--net sh /);
});

Deno.test("doctor: where no namespace can be made, nothing is claimed", async () => {
  const checks = await checkKernel(machine((words) => {
    if (words.startsWith("unshare")) return "unshare: unshare failed: Operation not permitted";
    return words.startsWith("gzip") ? "gzip: /proc/config.gz: No such file" : undefined;
  }));
  for (const name of ["NFLOG target", "set match", "conntrack match"]) {
    assert.notEqual(stateOf(checks, name).state, "ok");
    assert.match(stateOf(checks, name).fix, /root|CONFIG/);
  }
});

Deno.test("doctor: directories that are there, that will be made, that cannot", async () => {
  const directory = await Deno.makeTempDir({ prefix: "pfw-doctor-" });
  try {
    assert.equal(checkDirectory("data directory", directory).detail, directory);
    const deep = checkDirectory("data directory", join(directory, "a/b"));
    assert.deepEqual([deep.state, deep.detail.endsWith("is made by the first start")], [
      "ok",
      true,
    ]);
    assert.equal(await exists(join(directory, "a")), false, "it only looks");
    await Deno.writeTextFile(join(directory, "file"), "");
    const file = checkDirectory("data directory", join(directory, "file/b"));
    assert.deepEqual([file.state, file.detail], [
      "missing",
      `${directory}/file is not a directory`,
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test({
  name: "doctor: a broken configuration is found, and the machine is not ready",
  // libpcap stays open until the process ends.
  sanitizeResources: false,
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "pfw-doctor-" });
    try {
      const config = join(directory, "firewall_rules.json");
      const paths = resolvePaths({
        config,
        dataDir: directory,
        logDir: directory,
        runDir: directory,
      });
      const commands = machine(() => undefined);
      const configuration = async () =>
        stateOf((await diagnose(paths, commands)).checks, "configuration");
      assert.match((await configuration()).detail, /is made by the first start/);
      assert.equal(await exists(config), false, "it does not make one");
      await Deno.writeTextFile(config, '{ "default_policy": "maybe" }', { mode: 0o600 });
      assert.equal((await configuration()).state, "missing");
      assert.equal((await diagnose(paths, commands)).ready, false);
      await Deno.writeTextFile(config, '{ "rules": [{ "name": "a", "action": "block" }] }');
      const good = await configuration();
      assert.deepEqual([good.state, good.detail], ["ok", `${config}: 1 rule`]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
