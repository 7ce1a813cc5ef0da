/** A feed that the kernel does not take: whoever switched it on is told, until it is over. */
import { deepEqual, equal, match } from "node:assert/strict";
import { findProgram } from "../../engine/packages.ts";
import type { ThreatsAnswer } from "../../engine/control/intel_control.ts";
import { askJson, isInSet } from "../support/neighbours.ts";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const LISTED = "11.0.0.1";

/** Has `ipset` refuse every input that names the listed address, as long as a file is there. */
async function refuseAtWill(box: Sandbox): Promise<string> {
  const refuses = box.path("refuses"), directory = box.path("bin"), real = findProgram("ipset")!;
  const script = [
    "#!/bin/sh",
    `test -e ${refuses} || exec ${real} "$@"`,
    "input=$(cat)",
    `case "$input $*" in *${LISTED}*) echo 'made to fail' >&2; exit 1;; esac`,
    `printf '%s\\n' "$input" | ${real} "$@"`,
  ];
  await Deno.mkdir(directory);
  await Deno.writeTextFile(`${directory}/ipset`, script.join("\n") + "\n", { mode: 0o755 });
  box.env.PATH = `${directory}:${Deno.env.get("PATH")}`;
  return refuses;
}

kernelTest(
  "a feed that the kernel refuses is told of by every command, until it is over",
  async () => {
    await using namespace = await NetworkNamespace.create();
    await using box = new Sandbox();
    const refuses = await refuseAtWill(box);
    await Deno.writeTextFile(box.path("list.txt"), `${LISTED}\n`);
    box.writeConfig({ threat_feeds: [] });
    await using _pfw = await startPfw(namespace, box, [], { env: box.env });
    const run = (...words: string[]) => runPfw(namespace, box, words);
    const fault = async () =>
      (await askJson<ThreatsAnswer>(namespace, box, ["threats", "feeds"])).fault;
    const isListed = () => isInSet(namespace, "pfw-threat4", LISTED);
    const isSo = (value: unknown) => value === true;

    equal((await run("threats", "feeds", "add", "List", `file:${box.path("list.txt")}`)).err, "");
    equal(await eventually(isListed, isSo), true);

    await Deno.writeTextFile(refuses, "");
    const told = /^pfw: warning: the feeds' threats are as before: .*made to fail/;
    const disabled = await run("threats", "feeds", "disable", "List");
    equal(disabled.code, 0);
    match(disabled.err, told);
    const reloaded = await run("reload");
    equal(reloaded.code, 0);
    match(reloaded.err, told);
    match((await fault())!, /made to fail/);
    equal(await isListed(), true);
    await Deno.remove(refuses);
    deepEqual(await run("reload").then(({ code, err }) => [code, err]), [0, ""]);
    deepEqual([await fault(), await isListed()], [null, false]);

    // What is wanted may be in force again without anything having been put there.
    await Deno.writeTextFile(refuses, "");
    equal((await run("threats", "feeds", "enable", "List")).code, 0);
    match((await eventually(fault, (fault) => fault !== null))!, /made to fail/);
    equal((await run("threats", "feeds", "disable", "List")).err, "");
    equal(await fault(), null);
  },
);
