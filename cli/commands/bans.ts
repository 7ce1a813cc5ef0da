/** `pfw bans …`: timed blocks. Actions load lazily. */
import type { Command } from "commander";
import { contextOf } from "../context.ts";
import { refusesUnknownCommands } from "./default_command.ts";

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  pfw bans ${line}`).join("\n")}`;
}

/** Adds `bans`. */
export function registerBans(program: Command): void {
  const bans = refusesUnknownCommands(program.command("bans")).description(
    "timed blocks: list, add, remove",
  )
    .addHelpText("after", examples("list", "add 203.0.113.7 --for 1h", "remove 203.0.113.7"));
  defineList(bans);
  defineAdd(bans);
  defineRemove(bans);
}

function defineList(bans: Command): void {
  bans.command("list", { isDefault: true })
    .description("list the bans with their reasons, the newest last")
    .option("-v, --verbose", "also the evidence of each")
    .addHelpText("after", examples("list", "list --verbose", "list --json | jq '.bans[].address'"))
    .action(async (options, command) => {
      const { listBans } = await import("./bans_list.ts");
      await listBans(contextOf(command), options.verbose === true);
    });
}

const ADDRESSES = "IPv4 or IPv6, single or CIDR; `-` reads one a line from standard input";

function defineAdd(bans: Command): void {
  bans.command("add").description("block addresses for a time")
    .argument("<address...>", ADDRESSES)
    .option("--for <time>", "how long: 30s, 10m, 1h, 7d", "1h")
    .option("--reason <text>", "why, for the log and the list", "by hand")
    .option("--force", "even what this machine depends on: SSH peer, gateway, DNS servers")
    .addHelpText(
      "after",
      examples(
        "add 203.0.113.7",
        'add 198.51.100.0/24 2001:db8::/48 --for 7d --reason "scans us"',
        "add - --for 1d < attackers.txt",
      ),
    )
    .action(async (addresses, options, command) => {
      const { addBans } = await import("./bans_edit.ts");
      await addBans(contextOf(command), addresses, options);
    });
}

function defineRemove(bans: Command): void {
  bans.command("remove").description("lift bans; what was held against the addresses is forgotten")
    .argument("[address...]", `${ADDRESSES}; as \`bans list\` shows them`)
    .option("--all", "every ban")
    .addHelpText(
      "after",
      "\nAddresses that are banned are freed even where another one is not (exit 1).\n" +
        examples("remove 203.0.113.7", "remove 2001:db8:1:2::/64", "remove --all"),
    )
    .action(async (addresses, options, command) => {
      const { removeBans } = await import("./bans_edit.ts");
      await removeBans(contextOf(command), addresses, options.all === true);
    });
}
