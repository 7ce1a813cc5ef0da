/** What a command line that failed says: one line on standard error, and the exit code. */
import { type Command, CommanderError } from "commander";
import { errorText, ExitCode, PfwError } from "../engine/errors.ts";
import { SEE_HELP } from "./context.ts";
import { note } from "./output.ts";
import { foreignText } from "./commands/foreign_text.ts";

/**
 * Prints `pfw: what failed: why; what to do` and returns the exit code.
 *
 * @param program the tree that the command line was read by, where it came to that
 */
export function reportError(
  error: unknown,
  program: Command | undefined,
  args: readonly string[],
): number {
  const { text, exitCode } = outcomeOf(error);
  // The help of a command that needs another word was printed, and is all that is to say.
  if (text === "") return exitCode;
  const help = `see ${commandWords(program, args)} --help`;
  const line = text.endsWith(SEE_HELP) ? text.slice(0, -SEE_HELP.length) + help : text;
  // No part of it is ours alone: words of the command line, names of files and feeds.
  note(`pfw: ${foreignText(line, Infinity)}`);
  return exitCode;
}

function outcomeOf(error: unknown): { text: string; exitCode: ExitCode } {
  if (error instanceof CommanderError) {
    const text = error.code === "commander.help"
      ? ""
      : `wrong usage: ${usageText(error)}; ${SEE_HELP}`;
    return { text, exitCode: ExitCode.usage };
  }
  if (error instanceof PfwError) return { text: error.message, exitCode: error.exitCode };
  const isDenied = error instanceof Deno.errors.PermissionDenied;
  return { text: systemText(error), exitCode: isDenied ? ExitCode.missing : ExitCode.failed };
}

/** Characters of what commander says, which repeats the words of the command line. */
const LONGEST_USAGE = 400;

/** Commander's own words, as one line without its full stops. */
function usageText({ message }: CommanderError): string {
  const text = message.replace(/^error: /, "").replace(/\n(\(Did you mean .*)$/, " $1");
  return foreignText(text.replace(/\.$/, ""), LONGEST_USAGE);
}

/** `pfw rules add` for a command line that begins so. */
function commandWords(program: Command | undefined, args: readonly string[]): string {
  const words = ["pfw"];
  let command = program;
  for (const word of args) {
    const child = command?.commands.find((each) => each.name() === word);
    if (!child) continue;
    words.push(word);
    command = child;
  }
  return words.join(" ");
}

/** What the system refused, without numbers of errors and names of calls. */
function systemText(error: unknown): string {
  const text = errorText(error);
  const [, why, path] = /^(.*?) \(os error \d+\)(?:: \w+ '(.*)')?$/.exec(text) ?? [];
  if (why === undefined) return text;
  const isDenied = error instanceof Deno.errors.PermissionDenied;
  const next = isDenied ? "; run it as the user that started pfw (sudo)" : "";
  return `cannot use ${path ?? "a file"}: ${why[0].toLowerCase()}${why.slice(1)}${next}`;
}
