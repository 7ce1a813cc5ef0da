/** `pfw blacklist …` and `pfw whitelist …`. Actions load lazily. */
import type { Command } from "commander";
import { changesPolicy } from "../change_options.ts";
import { changingContextOf, contextOf } from "../context.ts";

/** Adds both commands. */
export function registerLists(program: Command): void {
  defineListCommand(program, "blacklist", "addresses that are always blocked");
  defineListCommand(program, "whitelist", "addresses that are always allowed, before all else");
}

function defineListCommand(
  program: Command,
  list: "blacklist" | "whitelist",
  description: string,
): void {
  const examples = (...lines: string[]) =>
    `\nExamples:\n${lines.map((line) => `  pfw ${list} ${line}`).join("\n")}`;
  const parent = program.command(list).description(description)
    .addHelpText("after", examples("list", "add 203.0.113.7", "remove 203.0.113.7"));
  const addresses = "IPv4 or IPv6, single or CIDR; `-` reads one a line from standard input";

  changesPolicy(parent.command("add")).description(`put addresses on the ${list}`)
    .argument("<address...>", addresses)
    .option("--skip-invalid", "leave out lines of standard input that are no address")
    .addHelpText(
      "after",
      examples("add 203.0.113.7", "add 198.51.100.0/24 2001:db8::/32", "add - < ipsum.txt"),
    )
    .action(async (given, options, command) => {
      const { addToList } = await import("./lists_edit.ts");
      await addToList(changingContextOf(command), list, given, options.skipInvalid === true);
    });

  changesPolicy(parent.command("remove")).description(`take addresses off the ${list}`)
    .argument("<address...>", addresses)
    .option("--skip-invalid", "leave out lines of standard input that are no address")
    .addHelpText("after", examples("remove 203.0.113.7", "remove - < old.txt"))
    .action(async (given, options, command) => {
      const { removeFromList } = await import("./lists_edit.ts");
      await removeFromList(changingContextOf(command), list, given, options.skipInvalid === true);
    });

  parent.command("list").description(`print the ${list}, one address a line`)
    .addHelpText("after", examples("list", "list --json", "list | wc -l"))
    .action(async (_options, command) => {
      const { printList } = await import("./lists_list.ts");
      await printList(contextOf(command), list);
    });
}
