/** What a pfw that really enforces says with `--json`, held against the schemas in `docs/json/`. */
import { equal } from "node:assert/strict";
import { requireDocument } from "../cli/json_documents.ts";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";
import { runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const CONFIG = {
  rules: [{ name: "No telnet", action: "block", protocol: "tcp", ports: [23], direction: "in" }],
  blacklist_ips: ["198.51.100.7"],
  threat_feeds: [],
};

/** Asked while it runs: the command's schema, and its words where they are more. */
const QUESTIONS: readonly [command: string, words?: readonly string[]][] = [
  ["status"],
  ["stats"],
  ["doctor"],
  ["rules list"],
  ["explain", ["explain", "198.51.100.7"]],
  ["explain", ["explain", "203.0.113.7", "--port", "23"]],
  ["rules add", ["rules", "add", "No SMB", "block", "--ports", "445"]],
  ["rules toggle", ["rules", "toggle", "1", "--confirm", "600"]],
  ["status"],
  ["rules confirm"],
  ["blacklist add", ["blacklist", "add", "203.0.113.9"]],
  ["bans add", ["bans", "add", "203.0.113.10"]],
  ["bans list"],
  ["bans remove", ["bans", "remove", "--all"]],
  ["threats feeds list"],
  ["threats list"],
  ["threats check", ["threats", "check", "203.0.114.1"]],
  ["logs"],
  ["reload"],
];

kernelTest("documents: a pfw that enforces says what the schemas say", async () => {
  await using namespace = await NetworkNamespace.create();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  {
    await using pfw = await startPfw(namespace, sandbox, ["--json"]);
    for (const [command, words = command.split(" ")] of QUESTIONS) {
      const { code, out, err } = await runPfw(namespace, sandbox, [...words, "--json"]);
      equal(code, 0, `pfw ${words.join(" ")}: ${err}`);
      requireDocument(command, out);
    }
    requireDocument("stop", (await runPfw(namespace, sandbox, ["stop", "--json"])).out);
    const { code, out } = await pfw.ended;
    equal(code, 0);
    requireDocument("start", out);
  }
  const { out } = await runPfw(namespace, sandbox, ["cleanup", "--json"]);
  requireDocument("cleanup", out);
});

kernelTest("documents: a pfw that only observes says what the schemas say", async () => {
  await using namespace = await NetworkNamespace.create();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using pfw = await startPfw(namespace, sandbox, ["--monitor", "--json"]);
  for (const command of ["status", "stats"]) {
    requireDocument(command, (await runPfw(namespace, sandbox, [command, "--json"])).out);
  }
  requireDocument("start", (await pfw.end()).out);
});
