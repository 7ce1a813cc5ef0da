/** The word `pfw` itself: what every command inherits. */
import { Command } from "commander";
import { VERSION, versionText } from "./version.ts";

/** `pfw` with the options that every command has, and no commands yet. */
export function rootCommand(): Command {
  return new Command("pfw")
    .description("A personal firewall in one executable.")
    .version(versionText(VERSION), "-V, --version")
    .option("--config <file>", "configuration file ($PFW_CONFIG)")
    .option("--data-dir <dir>", "database, feed cache, state ($PFW_DATA_DIR)")
    .option("--log-dir <dir>", "application log ($PFW_LOG_DIR)")
    .option("--run-dir <dir>", "socket and lock ($PFW_RUN_DIR)")
    .option("--json", "print one JSON document and nothing else")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError(true)
    // Errors are printed once, by run.ts. Set here, before the subcommands inherit it.
    .configureOutput({ outputError: () => {} })
    .exitOverride();
}

/** Hands the settings on to the commands that were added since. */
export function inheritSettings(program: Command): Command {
  for (const command of descendants(program)) {
    command.copyInheritedSettings(program);
    if (command.commands.length > 0) command.helpCommand(false);
  }
  return program;
}

function* descendants(command: Command): Generator<Command> {
  for (const child of command.commands) {
    yield child;
    yield* descendants(child);
  }
}
