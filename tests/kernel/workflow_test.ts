/** The README's daily workflow: every command of it, in its order, beside a running pfw. */
import { equal, ok } from "node:assert/strict";
import { makeCapture } from "../../bench/make_capture.ts";
import { DEFAULT_CONFIG } from "../../engine/policy/default_config.ts";
import { blockedHits, flood } from "../support/flood.ts";
import { createPair, kernelTest, type Link } from "../support/netns.ts";
import { makePage } from "../support/page.ts";
import { pfwCommand } from "../support/pfw.ts";
import { type ReadmeCommand, readmeCommands } from "../support/readme.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { type Run, Sandbox } from "../support/sandbox.ts";

/** Milliseconds after which a command that should end by itself is called endless. */
const PATIENCE = 60_000;

/** A directory with `./pfw`, and with `pfw` and `sudo` for the PATH, which run the pfw under test. */
async function makePrograms(sandbox: Sandbox): Promise<string> {
  const directory = sandbox.path("bin");
  await Deno.mkdir(directory);
  const argv = pfwCommand().argv.map((word) => `'${word}'`).join(" ");
  // As an executable does: the program knows which file people ran.
  const pfw = `#!/bin/sh\nPFW_EXECUTABLE=$0 exec ${argv} "$@"\n`;
  await Deno.writeTextFile(`${directory}/pfw`, pfw, { mode: 0o755 });
  await Deno.writeTextFile(`${directory}/sudo`, '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  await Deno.symlink(`${directory}/pfw`, sandbox.path("pfw"));
  return directory;
}

/** What the README speaks of: the default configuration, known feeds off, a capture. */
async function makeHome(sandbox: Sandbox): Promise<void> {
  const list = sandbox.path("list.txt");
  await Deno.writeTextFile(list, "203.0.114.1\n203.0.114.0/28\n");
  const url = `file://${list}`;
  sandbox.writeConfig({
    ...DEFAULT_CONFIG,
    // There is no network in a namespace: the feeds lie in a file.
    threat_feeds: ["Feodo Tracker", "Spamhaus DROP", "IPsum"].map((name) => ({
      name,
      url,
      enabled: name === "Feodo Tracker",
    })),
  });
  makeCapture(sandbox.path("capture.pcap"), {
    packets: 2_000,
    seed: 1,
    flows: 50,
    listed: new Int32Array(),
    hostV4: "10.9.0.1",
    hostV6: "fd09::1",
  });
}

/** Source ports of the packets that the default rule blocks: one before, one while it is followed. */
const BEFORE = 40_000, MEANWHILE = 40_001;

async function knock({ remote }: Link, sourcePort: number): Promise<void> {
  const ends = { from: "10.9.0.2", to: "10.9.0.1", sourcePort, port: 23 };
  await flood(remote, { protocol: "tcp-syn", ...ends, count: 1 });
}

/** Runs a line as a shell does, in the sandbox's directory. */
async function runLine(
  { text, manner }: ReadmeCommand,
  link: Link,
  sandbox: Sandbox,
  programs: string,
): Promise<Run> {
  const child = new Deno.Command("ip", {
    args: ["netns", "exec", link.local.name, "bash", "-c", `exec ${text}`],
    env: {
      ...sandbox.env,
      PATH: `${programs}:${Deno.env.get("PATH")}`,
      // `install` stays below this directory: nothing of this machine is touched.
      DESTDIR: sandbox.path("installed"),
    },
    cwd: sandbox.directory,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  let out = "";
  const printed = (async () => {
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (manner === "interrupted" && out === "") await knock(link, MEANWHILE);
      const had = out.includes(`:${MEANWHILE}`);
      out += piece;
      // It follows, and so it has begun to listen for Ctrl-C.
      if (!had && out.includes(`:${MEANWHILE}`)) child.kill("SIGINT");
    }
  })();
  const [err, { code }] = await Promise.all([
    new Response(child.stderr).text(),
    child.status,
    printed,
  ]);
  clearTimeout(limit);
  return { code, out, err };
}

await makePage();

kernelTest("README: every command of the daily workflow does what it says", async (test) => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  const programs = await makePrograms(sandbox);
  await makeHome(sandbox);
  await using pfw = await startPfw(link.local, sandbox, ["--dashboard"]);
  await pfw.waitFor(/dashboard at /);
  // Something to look at.
  await knock(link, BEFORE);
  equal(await eventually(() => blockedHits(sandbox), (hits) => hits === 1), 1);
  let ran = 0;
  for (const command of readmeCommands()) {
    // Building takes minutes and changes the repository: tests/build is about that.
    if (command.manner === "build" || command.manner === "beside") continue;
    await test.step(`line ${command.line}: ${command.text}`, async () => {
      const { code, out, err } = await runLine(command, link, sandbox, programs);
      equal(code, command.code, `${out}${err}`);
      if (code === 0) {
        equal(err, "");
        ok(out.trim() !== "", "it says nothing");
      }
    });
    ran++;
  }
  ok(ran >= 20);
  await test.step("what was done stands in the configuration and in the kernel", async () => {
    const { rules, blacklist_ips, whitelist_ips } = sandbox.readConfig();
    const names = rules.map(({ name }: { name: string }) => name);
    ok(names.includes("No SMTP") && names.includes("No web"), names.join());
    ok(blacklist_ips.length > 0 && whitelist_ips.length > 2);
    for (const address of blacklist_ips) {
      await link.local.run(["ipset", "test", "pfw-black4", address]);
    }
  });
  equal((await pfw.end()).code, 0);
});
