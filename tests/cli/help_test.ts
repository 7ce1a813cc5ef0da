/** `--help` of every command shows examples, and each of them is a command line that pfw takes. */
import { equal, ok } from "node:assert/strict";
import type { Command } from "commander";
import { buildProgram } from "../../cli/program.ts";
import { Sandbox } from "../support/sandbox.ts";
import { commandAt, commandPaths, groupPaths } from "./transcripts/commands.ts";
import { wordsOf } from "./transcripts/scene.ts";

/** What `--help` prints. */
function helpOf(program: Command, path: string): string {
  let text = "";
  const command = commandAt(program, path);
  command.configureOutput({ writeOut: (part) => text += part });
  command.outputHelp();
  return text;
}

/** The lines below `Examples:`, without what is said about them. */
function examplesIn(help: string): string[] {
  const [, examples = ""] = help.split("\nExamples:\n");
  return examples.split("\n").filter((line) => line.startsWith("  "))
    .map((line) => line.trimStart().replace(/ {2,}.*$/, ""));
}

/** What follows `pfw`, each time that a line of a shell calls it. */
function callsIn(line: string): string[] {
  const word = `(?:"[^"]*"|'[^']*'|[^\\s"'|<>&();])+`;
  const call = new RegExp(`(?:^|[\\s(])(?:\\./)?pfw((?: ${word})*)`, "g");
  return [...line.matchAll(call)].map(([, words]) => words.trim());
}

/** A tree that understands and does nothing; tells which command was meant. */
function idleProgram(): { program: Command; meant: () => string } {
  let meant = "";
  const program = buildProgram();
  for (const path of commandPaths(program)) {
    commandAt(program, path).action(() => void (meant = path));
  }
  return { program, meant: () => meant };
}

async function understood(line: string): Promise<string> {
  const { program, meant } = idleProgram();
  await program.parseAsync(wordsOf(line), { from: "user" });
  return meant();
}

Deno.test("help: ends quietly when nobody reads it", async () => {
  await using box = new Sandbox();
  // The pipe's reader is gone before the first word comes.
  const script = '{ sleep 0.2; "$@"; echo "exit $?" >&2; } | :';
  for (const words of [["--help"], ["rules", "add", "--help"], ["--version"]]) {
    const { err } = await box.pfwThrough(["sh", "-c", script, "sh"], "", words);
    equal(err, "exit 0\n", words.join(" "));
  }
});

Deno.test("help: a call is found wherever it stands in a line of a shell", () => {
  const lines: [line: string, calls: string[]][] = [
    ['pfw rules add "No telnet" block --ports 23', ['rules add "No telnet" block --ports 23']],
    ["sudo pfw rules check && sudo pfw reload", ["rules check", "reload"]],
    ["pfw rules export | ssh host pfw rules import -", ["rules export", "rules import -"]],
    ["source <(pfw completion bash)", ["completion bash"]],
    ["sudo ./pfw install", ["install"]],
    ["pfw man | man -l -", ["man"]],
    ["pfw completion fish > ~/.config/fish/completions/pfw.fish", ["completion fish"]],
  ];
  for (const [line, calls] of lines) equal(callsIn(line).join("\n"), calls.join("\n"), line);
});

Deno.test("help: every command shows examples of itself that can be typed", async () => {
  const whole = buildProgram();
  for (const path of ["", ...groupPaths(whole), ...commandPaths(whole)]) {
    const lines = examplesIn(helpOf(whole, path));
    ok(lines.length > 0, `pfw ${path} --help has no examples`);
    let own = 0;
    for (const line of lines) {
      const calls = callsIn(line);
      ok(calls.length > 0, `no call of pfw in: ${line}`);
      for (const call of calls) {
        const meant = await understood(call).catch((error) => {
          throw new Error(`pfw ${path} --help: ${line}: ${error.message}`);
        });
        ok(meant !== "", line);
        if (path === "" || `${meant} `.startsWith(`${oldWordFor(path)} `)) own++;
      }
    }
    ok(own > 0, `pfw ${path} --help shows only other commands`);
  }
});

/** The help of `pfw add` speaks of `pfw rules add`, as that is the word to learn. */
function oldWordFor(path: string): string {
  return ["list", "add", "remove", "toggle"].includes(path) ? `rules ${path}` : path;
}

Deno.test("help: but for examples it fits into 80 columns", () => {
  const whole = buildProgram();
  for (const path of ["", ...groupPaths(whole), ...commandPaths(whole)]) {
    const [usage] = helpOf(whole, path).split("\nExamples:\n");
    for (const line of usage.split("\n")) ok(line.length <= 80, `pfw ${path}: ${line}`);
  }
});

Deno.test("help: the old project's words work, and help does not show them", async () => {
  const text = helpOf(buildProgram(), "");
  const [, commands] = /\nCommands:\n((?: {2}.*\n)+)/.exec(text) ?? [];
  const shown = [...commands.matchAll(/^ {2}(\w\S*)/gm)].map(([, name]) => name);
  for (const word of ["list", "add", "remove", "toggle", "man", "__complete"]) {
    equal(shown.includes(word), false, word);
  }
  equal(await understood('add "No SMB" block --ports 445'), "add");
  equal(await understood("toggle 2"), "toggle");
});
