/** Who leaves out sudo is told that the machine's pfw is another one. */
import { deepEqual, equal, match } from "node:assert/strict";
import { Sandbox } from "../support/sandbox.ts";

const NOTE =
  "pfw: without sudo this is about your own files; `sudo pfw …` is about this machine's pfw\n";

/** Runs a command as a user of a machine whose run directory a pfw of root's has, or has not. */
function asUser(hasPfw: boolean): string[] {
  const script = [
    "set -e",
    "mount -t tmpfs none /run",
    hasPfw ? "mkdir -m 700 /run/personal-firewall" : "",
    'exec unshare --user --map-user=1000 -- "$@"',
  ].join("\n");
  return ["unshare", "--mount", "--", "sh", "-c", script, "sh"];
}

function canBeUser(): boolean {
  if (Deno.uid() !== 0) return false;
  const [program, ...args] = [...asUser(false), "sh", "-c", "test $(id -u) = 1000"];
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const isPossible = canBeUser();

Deno.test({
  name: `without sudo: beside the machine's pfw${isPossible ? "" : " (needs user namespaces)"}`,
  ignore: !isPossible,
  fn: async () => {
    await using box = new Sandbox();
    const { PFW_CONFIG: config, PFW_RUN_DIR: runDir } = box.env;
    for (const name of Object.keys(box.env)) if (/^(PFW_|SSH_)/.test(name)) box.env[name] = "";
    for (const name of ["CONFIG", "DATA", "STATE"]) box.env[`XDG_${name}_HOME`] = box.path("home");
    box.env.XDG_RUNTIME_DIR = box.path("home/run");
    const run = (hasPfw: boolean, ...words: string[]) => box.pfwThrough(asUser(hasPfw), "", words);
    const status = await run(true, "status", "--json");
    deepEqual([status.code, status.err], [0, NOTE]);
    equal(JSON.parse(status.out).running, false);
    const added = await run(true, "whitelist", "add", "5.6.7.8");
    deepEqual([added.code, added.err], [0, NOTE]);
    match(added.out, /^added 5\.6\.7\.8 to the whitelist: /);
    // Not where there is no other one, nor where somebody says which one is meant.
    equal((await run(false, "status")).err, "");
    equal((await run(true, "rules", "list", "--config", config)).err, "");
    equal((await run(true, "status", "--run-dir", runDir)).err, "");
    equal((await run(true, "completion", "bash")).err, "");
    match((await run(true, "doctor")).err, /^pfw: this machine is not ready .*\n$/);
    match((await run(true, "start")).err, /^pfw: .*\n$/);
  },
});
