/** The README's commands are found and known; tests/kernel/workflow_test.ts runs them. */
import { deepEqual, ok, throws } from "node:assert/strict";
import { commandsIn, readmeCommands } from "../support/readme.ts";

/** A page with these lines in a block of shell commands. */
function page(...lines: string[]): string {
  return ["# Title", "```", "no command", "```", "```sh", ...lines, "```"].join("\n");
}

Deno.test("README: every command is one that a test knows how to run", () => {
  const commands = readmeCommands();
  ok(commands.filter(({ manner }) => manner === "once").length >= 20);
  ok(commands.some(({ manner }) => manner === "interrupted"));
  ok(commands.some(({ manner }) => manner === "build"));
});

Deno.test("README: commands are read with their line, their comment and their exit code", () => {
  const commands = commandsIn(page(
    "./build.sh && sudo ./pfw start     # build",
    "",
    'sudo pfw rules add "No #1" block --ports 25   # one more',
    "sudo pfw logs --follow",
    "pfw rules check broken.json        # exit 2",
  ));
  deepEqual(commands, [
    { text: "./build.sh && sudo ./pfw start", line: 6, manner: "build", code: 0 },
    { text: 'sudo pfw rules add "No #1" block --ports 25', line: 8, manner: "once", code: 0 },
    { text: "sudo pfw logs --follow", line: 9, manner: "interrupted", code: 0 },
    { text: "pfw rules check broken.json", line: 10, manner: "once", code: 2 },
  ]);
});

Deno.test("README: what no test knows how to run is an error", () => {
  const unknown = [
    "rm -rf /",
    "./build.sh bench",
    "sudo pfw start",
    "sudo pfw start eth0",
    "pfw frobnicate",
    "pfw rules lsit",
    "pfw rules list | head",
    "pfw rules list > file",
    "pfw rules list; reboot",
    "pfw explain $(hostname)",
    "curl -O https://example.org/pfw",
  ];
  for (const line of unknown) throws(() => commandsIn(page(line)), /no test knows|no such/, line);
});
