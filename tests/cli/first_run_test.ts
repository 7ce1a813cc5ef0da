import { deepEqual, equal, match, ok } from "node:assert/strict";
import { firstRunText, isFirstRun, protections } from "../../cli/commands/first_run.ts";
import { checkConfig } from "../../engine/policy/config.ts";
import { ensureConfig } from "../../engine/policy/config_file.ts";
import { Sandbox } from "../support/sandbox.ts";

function protectionsOf(config: unknown): string[] {
  const checked = checkConfig(JSON.stringify(config));
  if (!checked.ok) throw new Error(checked.problems[0].message);
  return protections(checked.config);
}

Deno.test("first run: it is one until there is a configuration", async () => {
  await using sandbox = new Sandbox();
  equal(await isFirstRun(sandbox.paths), true);
  await ensureConfig(sandbox.paths);
  equal(await isFirstRun(sandbox.paths), false);
});

Deno.test("first run: the text names the file, what is kept out and three commands", async () => {
  await using sandbox = new Sandbox();
  await ensureConfig(sandbox.paths);
  const text = await firstRunText(sandbox.paths, "enforce");
  ok(text.includes(sandbox.paths.config));
  match(text, /incoming tcp to ports 23, 135, 139, 445, 3389 \(rule 1\)/);
  match(text, /more than 100 connections in 10 s/);
  match(text, /Feodo Tracker/);
  equal(text.match(/^ {2}sudo pfw (status|logs --follow|install) /gm)?.length, 3);
  ok(text.split("\n").every((line) => line.includes("/") || line.length <= 80));
  match(await firstRunText(sandbox.paths, "monitor"), /only observes/);
});

Deno.test("first run: what is switched off is not promised", () => {
  const off = {
    rules: [{ name: "x", action: "block", enabled: false }, { name: "y", action: "allow" }],
    rate_limit: { enabled: false },
    detection: { enabled: false },
  };
  deepEqual(protectionsOf(off), ["packets that belong to no connection and can begin none"]);
  const names = { rules: [{ name: "all of it", action: "block" }], default_policy: "block" };
  const lines = protectionsOf({ ...off, ...names });
  equal(lines[0], "what rule 1 matches: all of it");
  equal(lines.at(-1), "everything that no rule allows");
});
