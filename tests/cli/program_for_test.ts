/** The part of the tree that a command line gets is the same as in the whole tree. */
import { deepEqual, ok } from "node:assert/strict";
import type { Command } from "commander";
import { buildProgram } from "../../cli/program.ts";
import { programFor } from "../../cli/program_for.ts";

/** Everything that a command understands and says, with its subcommands. */
function describe(command: Command): unknown {
  return {
    name: command.name(),
    help: command.helpInformation(),
    options: command.options.map(({ flags }) => flags),
    commands: command.commands.map(describe),
  };
}

Deno.test("program: every command is the same in the part of the tree that it is called in", async () => {
  const whole = buildProgram();
  let parts = 0;
  for (const command of whole.commands) {
    const part = await programFor([command.name(), "--help"]);
    const same = part.commands.find((each) => each.name() === command.name());
    ok(same, command.name());
    deepEqual(describe(same), describe(command));
    if (part.commands.length < whole.commands.length) parts++;
  }
  ok(parts > 10, "most commands come with a part of the tree");
});

Deno.test("program: every word of `rules` is the same where it alone is made", async () => {
  const find = (program: Command) => program.commands.find((each) => each.name() === "rules")!;
  const whole = find(buildProgram());
  let alone = 0;
  for (const command of whole.commands) {
    const part = find(await programFor(["rules", command.name()]));
    const same = part.commands.find((each) => each.name() === command.name());
    ok(same, command.name());
    deepEqual(describe(same), describe(command));
    if (part.commands.length === 1) alone++;
  }
  ok(alone >= 8);
  for (const word of [undefined, "--help", "lsit", "help"]) {
    const part = find(await programFor(["rules", ...(word ? [word] : [])]));
    deepEqual(describe(part), describe(whole));
  }
});

Deno.test("program: anything but a command's name first gets the whole tree", async () => {
  const names = (program: Command) => program.commands.map((each) => each.name());
  for (const words of [[], ["--json", "rules"], ["--help"], ["help"], ["rulez"], ["constructor"]]) {
    deepEqual(names(await programFor(words)), names(buildProgram()));
  }
});
