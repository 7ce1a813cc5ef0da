/**
 * The command line as a tree of words. A command's code is loaded only when it is called, so
 * `pfw rules list` does not pay for the daemon.
 */
import { Command } from "commander";
import { registerCompletion } from "./commands/completion.ts";
import { registerBans } from "./commands/bans.ts";
import { registerExplain } from "./commands/explain.ts";
import { registerInstall } from "./commands/install.ts";
import { registerLists } from "./commands/lists.ts";
import { registerMan } from "./commands/man.ts";
import { registerObserve } from "./commands/observe.ts";
import { registerRules } from "./commands/rules.ts";
import { registerService } from "./commands/service.ts";
import { registerThreats } from "./commands/threats.ts";
import { VERSION, versionText } from "./version.ts";

/** Builds the whole tree. */
export function buildProgram(): Command {
  const program = new Command("pfw")
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
  registerService(program);
  registerRules(program);
  registerLists(program);
  registerBans(program);
  registerThreats(program);
  registerObserve(program);
  registerExplain(program);
  registerInstall(program);
  registerCompletion(program);
  registerMan(program);
  for (const command of withDescendants(program)) inheritSettings(program, command);
  return program;
}

function inheritSettings(program: Command, command: Command): void {
  if (command === program) return;
  command.copyInheritedSettings(program);
  if (command.commands.length > 0) command.helpCommand(false);
}

function* withDescendants(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* withDescendants(child);
}
