/** The subcommand that is meant where none is named (`pfw bans` is `pfw bans list`). */
import type { Command } from "commander";
import { didYouMean } from "../../engine/policy/suggest.ts";
import { usageError } from "../context.ts";

/**
 * Has a mistyped subcommand named as such: commander would hand the word to the default one, which
 * has no use for it.
 */
export function refusesUnknownCommands(parent: Command): Command {
  return parent.hook("preSubcommand", ({ args: [word] }) => {
    const known = parent.commands.map((each) => each.name());
    if (word === undefined || word.startsWith("-") || known.includes(word)) return;
    const why = `${JSON.stringify(word.slice(0, 60))} is no command of \`pfw ${pathOf(parent)}\``;
    throw usageError("wrong usage", why + didYouMean(word, known));
  });
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}
