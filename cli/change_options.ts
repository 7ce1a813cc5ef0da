/** The options of every command that changes the policy. */
import { type Command, InvalidArgumentError } from "commander";
import type { ChangeRequest } from "../engine/policy/safe_change.ts";

/** A day; longer, and nobody remembers what returns. */
const LONGEST_WAIT = 86_400;

/** Adds `--confirm` and `--force`. */
export function changesPolicy(command: Command): Command {
  return command
    .option(
      "--confirm <seconds>",
      "the policy before returns after so many seconds unless `pfw rules confirm` comes",
      readSeconds,
    )
    .option("--force", "even if it cuts the SSH session, the gateway or the DNS servers");
}

function readSeconds(text: string): number {
  const seconds = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= LONGEST_WAIT) return seconds;
  throw new InvalidArgumentError(`Use whole seconds, 1 to ${LONGEST_WAIT}.`);
}

/** Who asks for a change, and how, as the command line says. */
export function changeRequest(command: Command): ChangeRequest {
  const { force, confirm } = command.opts<{ force?: boolean; confirm?: number }>();
  return { command: wordsOf(command), user: userName(), force: force === true, confirm };
}

/** The command as it was given, without options that say where files are. */
function wordsOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  const operands = command.args.map((word) =>
    /^[\w.,:/@%+-]+$/.test(word) ? word : JSON.stringify(word)
  );
  const options = command.options.flatMap((option) => {
    const value = command.getOptionValue(option.attributeName());
    const isGiven = command.getOptionValueSource(option.attributeName()) === "cli";
    return isGiven ? [option.long ?? "", ...(value === true ? [] : [String(value)])] : [];
  });
  const text = [...names, ...operands.slice(0, LONGEST_COMMAND), ...options].join(" ");
  return text.length > LONGEST_COMMAND ? `${text.slice(0, LONGEST_COMMAND - 1)}…` : text;
}

/** Characters of a command that are remembered; a list of addresses may fill a command line. */
const LONGEST_COMMAND = 200;

/** The person behind sudo, or the user. */
function userName(): string {
  const sudo = Deno.env.get("SUDO_USER");
  if (sudo) return `${sudo} (sudo)`;
  return Deno.env.get("USER") || Deno.env.get("LOGNAME") || `uid ${Deno.uid()}`;
}
