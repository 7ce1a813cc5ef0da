/** Two hundred commands that change the configuration at once: none is lost, none is half seen. */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  addedThings,
  changingWords,
  ConfigReader,
  runTogether,
  thingsOf,
} from "../support/many_changes.ts";
import { Sandbox } from "../support/sandbox.ts";

const COMMANDS = 200, AT_ONCE = 16;

Deno.test("200 rules and addresses added at the same time: all there, the file valid throughout", async () => {
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [] });
  const reader = new ConfigReader(sandbox);
  const changes = await runTogether(
    changingWords(COMMANDS),
    AT_ONCE,
    (words) => sandbox.pfw(...words),
  );
  await reader.stop();
  for (const { words, run } of changes) {
    equal(run.code, 0, `${words.join(" ")}: ${run.err}`);
    equal(run.err, "");
  }
  deepEqual(addedThings(sandbox.readConfig()), thingsOf(COMMANDS));
  deepEqual(reader.problems, []);
  ok(reader.texts > 50, `only ${reader.texts} different texts were seen`);
  const checked = await sandbox.pfw("rules", "check");
  equal(checked.code, 0, checked.err);
  const names = [...Deno.readDirSync(sandbox.path("etc"))].map(({ name }) => name).toSorted();
  // No temporary file stays behind.
  deepEqual(names, ["firewall_rules.json", "firewall_rules.json.lock"]);
});
