/** What every command gets, apart from the tree of commands so that both can be imported. */
import type { Command } from "commander";
import { ExitCode, PfwError } from "../engine/errors.ts";
import { isBesideMachine, type Paths, resolvePaths } from "../engine/paths.ts";
import type { ChangeRequest } from "../engine/policy/safe_change.ts";
import { changeRequest } from "./change_options.ts";

/** The options that every command has. */
export interface GlobalOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly logDir?: string;
  readonly runDir?: string;
  readonly json?: boolean;
}

/** What a command's action gets, whatever its own options are. */
export interface CommandContext {
  readonly paths: Paths;
  readonly json: boolean;
}

/** What the action of a command that changes the policy gets. */
export interface ChangingContext extends CommandContext {
  readonly request: ChangeRequest;
}

/**
 * The context of a command that commander is about to run. Says so where its files are not those of
 * the machine's pfw, as people expect who left out sudo.
 */
export function contextOf(command: Command): CommandContext {
  if (isBesideMachine(command.optsWithGlobals<GlobalOptions>())) {
    console.error(
      "pfw: without sudo this is about your own files; `sudo pfw …` is about this machine's pfw",
    );
  }
  return contextOfNoPfw(command);
}

/** The same for a command that asks no pfw and has no use for its files. */
export function contextOfNoPfw(command: Command): CommandContext {
  const options = command.optsWithGlobals<GlobalOptions>();
  return { paths: resolvePaths(options), json: options.json === true };
}

/** The same for a command that `changesPolicy` was called for. */
export function changingContextOf(command: Command): ChangingContext {
  return { ...contextOf(command), request: changeRequest(command) };
}

/** What to do about wrong usage; printed with the words of the command before `--help`. */
export const SEE_HELP = "see --help";

/** Wrong usage as the error that is printed. */
export function usageError(what: string, why: string, next: string = SEE_HELP): PfwError {
  return new PfwError(what, why, next, ExitCode.usage);
}
