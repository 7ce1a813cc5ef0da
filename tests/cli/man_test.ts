import { deepEqual, equal, ok } from "node:assert/strict";
import type { Command } from "commander";
import fc from "fast-check";
import { manPage } from "../../cli/commands/man_page.ts";
import { paragraph, roffText } from "../../cli/commands/roff.ts";
import { buildProgram } from "../../cli/program.ts";

/** What a reader makes of a page, without overstrikes and with one blank between words. */
async function rendered(page: string, ...argv: string[]): Promise<{ text: string; err: string }> {
  const [program, ...args] = argv;
  const child = new Deno.Command(program, {
    args,
    env: { LC_ALL: "C.UTF-8", MANWIDTH: "200", GROFF_NO_SGR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/.\x08/g, "").replace(/[\s\xa0]+/g, " ");
  return { text: plain, err: new TextDecoder().decode(stderr) };
}

function isMissing(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return false;
  } catch {
    return true;
  }
}

function testWith(program: string, name: string, run: () => Promise<void>): void {
  const ignore = isMissing(program);
  Deno.test({ name: ignore ? `${name} (left out: needs ${program})` : name, ignore, fn: run });
}

function* visibleCommands(command: Command): Generator<Command> {
  for (const child of command.createHelp().visibleCommands(command)) {
    // Commander adds this word by itself.
    if (child.name() === "help") continue;
    yield child;
    yield* visibleCommands(child);
  }
}

testWith("groff", "man: groff renders the page without a warning", async () => {
  const { text, err } = await rendered(
    manPage(buildProgram()),
    ...["groff", "-ww", "-mandoc", "-Tutf8", "-P-c"],
  );
  equal(err, "");
  for (const section of ["NAME", "SYNOPSIS", "FILES", "ENVIRONMENT", "EXIT STATUS", "SIGNALS"]) {
    ok(text.includes(` ${section} `), section);
  }
});

testWith("man", "man: every command, option and example of the help is in the page", async () => {
  const program = buildProgram();
  const argv = [
    "man",
    "--warnings",
    "--no-hyphenation",
    "--no-justification",
    "-P",
    "cat",
    "-l",
    "-",
  ];
  const { text, err } = await rendered(manPage(program), ...argv);
  equal(err, "");
  const help = program.createHelp();
  for (const command of visibleCommands(program)) {
    ok(text.includes(help.commandUsage(command)), help.commandUsage(command));
    for (const option of help.visibleOptions(command)) {
      if (option.long !== "--help") ok(text.includes(help.optionTerm(option)), option.flags);
    }
  }
  ok(text.includes('pfw rules add "No telnet" block --protocol tcp --ports 23 --direction in'));
  ok(!text.includes("__complete"), "hidden words stay hidden");
});

testWith("groff", "man: any text is read as it was written", async () => {
  const texts = fc.sample(
    fc.stringMatching(/^[ -~]{1,40}$/).filter((text) => text.trim() !== ""),
    { numRuns: 200, seed: 8 },
  );
  const hard = [".SH x", "'br", "\\fBx", "a\\", "--x", '"q"', "\\n[.d]", "^~`", "...", "\\*[x]"];
  for (const text of [...texts, ...hard]) {
    equal(roffText(text).split("\n").length, 1);
  }
  const lines = [...hard, ...texts].map((text) => text.replace(/\s+/g, " ").trim());
  const page = ['.TH X 8 "" ""', ".SH X", ".nf", ...lines.flatMap(paragraph), ""].join("\n");
  const { text, err } = await rendered(page, "groff", "-ww", "-mandoc", "-Tutf8", "-P-c");
  equal(err, "");
  deepEqual(lines.filter((line) => !text.includes(line)), []);
});

Deno.test("man: control characters never reach the page", () => {
  equal(roffText("a\x1b[31m\x07b\nc\td"), "a[31mb c d");
  equal(roffText("é…"), "\\[u00E9]\\[u2026]");
});

Deno.test("man: printing the page leaves the help as it was", () => {
  const program = buildProgram();
  const before = program.commands[0].configureOutput().writeOut;
  equal(manPage(program), manPage(program));
  equal(program.commands[0].configureOutput().writeOut, before);
});
