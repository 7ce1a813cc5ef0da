/** What commands print on terminals that know no size, or cannot redraw. */
import assert from "node:assert/strict";
import { pfwCommand } from "../support/pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { missingFor } from "./typed_shell.ts";

const missing = missingFor("stty");

/** What pfw prints on a pseudo-terminal of this size, within so many seconds. */
async function onTerminal(
  sandbox: Sandbox,
  words: string,
  { size, term, seconds }: { size: string; term: string; seconds: number },
): Promise<string> {
  const pfw = pfwCommand().argv.map((word) => `'${word}'`).join(" ");
  const command = `stty ${size}; timeout --foreground -s INT ${seconds} ${pfw} ${words}`;
  const { stdout } = await new Deno.Command("script", {
    args: ["--quiet", "--command", command, "/dev/null"],
    env: { ...sandbox.env, NO_COLOR: "", TERM: term },
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

const RULE = { name: "No telnet", action: "block", protocol: "tcp", ports: [23], direction: "in" };

function terminalTest(name: string, look: (sandbox: Sandbox) => Promise<void>): void {
  const fn = async () => {
    await using sandbox = new Sandbox();
    sandbox.writeConfig({ rules: [RULE] });
    await look(sandbox);
  };
  const title = missing === "" ? name : `${name} (left out: ${missing})`;
  Deno.test({ name: title, ignore: missing !== "", fn });
}

terminalTest("a terminal without a size has 80 columns and 24 lines", async (sandbox) => {
  const unsized = { size: "rows 0 cols 0", term: "xterm", seconds: 30 };
  const usual = { ...unsized, size: "rows 24 cols 80" };
  const table = await onTerminal(sandbox, "rules list", unsized);
  assert.match(table, /No telnet/);
  assert.equal(table, await onTerminal(sandbox, "rules list", usual));
  const screen = await onTerminal(sandbox, "stats --watch", { ...unsized, seconds: 3 });
  assert.match(screen, /pfw is not running/);
});

terminalTest("a dumb terminal gets plain lines", async (sandbox) => {
  const dumb = { size: "rows 24 cols 80", term: "dumb", seconds: 3 };
  const table = await onTerminal(sandbox, "rules list", { ...dumb, seconds: 30 });
  assert.match(table, /No telnet/);
  const frames = await onTerminal(sandbox, "stats --watch", dumb);
  assert.match(frames, /nothing counted yet/);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch((table + frames).replaceAll("\r\n", "\n"), /[\r\x1b]/);
});
