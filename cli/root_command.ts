/** The word `pfw` itself: what every command inherits. */
import { Command } from "commander";
import { usageError } from "./context.ts";
import { writeOut } from "./output.ts";
import { VERSION, versionText } from "./version.ts";

const EXAMPLES = `
Examples:
  sudo pfw start                   enforce, until Ctrl-C
  sudo pfw status                  is this machine protected?
  sudo pfw logs --follow           what is blocked, and why
  sudo pfw blacklist add 203.0.113.7`;

/** `pfw` with the options that every command has, and no commands yet. */
export function rootCommand(): Command {
  return new Command("pfw")
    .description("A personal firewall in one executable.")
    .version(versionText(VERSION), "-V, --version")
    .option("--config <file>", "configuration file ($PFW_CONFIG)", pathOf("--config"))
    .option("--data-dir <dir>", "database, feed cache, state ($PFW_DATA_DIR)", pathOf("--data-dir"))
    .option("--log-dir <dir>", "application log ($PFW_LOG_DIR)", pathOf("--log-dir"))
    .option("--run-dir <dir>", "socket and lock ($PFW_RUN_DIR)", pathOf("--run-dir"))
    .option("--json", "print one JSON document and nothing else")
    .addHelpText("after", EXAMPLES)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError(true)
    // Errors are printed once, by run.ts. Set here, before the subcommands inherit it.
    .configureOutput({
      outputError: () => {},
      // Whoever reads the help may have read enough (`pfw --help | head`): no failure of ours.
      writeOut: (text) => void writeOut(text),
      writeErr: (text) => console.error(text.trimEnd()),
    })
    .exitOverride();
}

/** Reads a path. An empty one is what becomes of a script's variable that is not set. */
export function pathOf(
  option: string,
  next = "name a path, or leave it out",
): (text: string) => string {
  return (text) => {
    if (text !== "") return text;
    throw usageError("wrong usage", `${option} is empty`, next);
  };
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
