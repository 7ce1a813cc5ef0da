/** Runs a change of the configuration for a command, and says what became of it. */
import { reload } from "../../engine/control/client.ts";
import { type Accepted, editConfig, type Edited } from "../../engine/policy/config_edit.ts";
import type { ListName, Overlap } from "../../engine/policy/edit_lists.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";
import { paint, printable, printJson } from "../output.ts";
import type { CommandContext } from "../context.ts";

/** Changes the configuration of this context; a running pfw takes it over before this returns. */
export function applyEdit<T>(
  { paths }: CommandContext,
  change: (draft: ConfigDraft) => T,
): Promise<Edited<T>> {
  const file = paths.config;
  return editConfig(file, change, async () => reload(paths, await Deno.realPath(file)));
}

/**
 * Prints what was done and whether the kernel has it.
 *
 * @param done one line for people, e.g. `added rule 3 "No telnet"`
 * @param fields the same for `--json`
 */
export function printEdited(
  context: CommandContext,
  edited: Edited<unknown>,
  done: string,
  fields: Record<string, unknown>,
): void {
  const { changed, answer, milliseconds } = edited;
  if (context.json) {
    const running = answer === undefined ? null : answer.running;
    const inKernel = isEnforced(answer);
    const time = inKernel ? { milliseconds: Number(milliseconds.toFixed(1)) } : {};
    return printJson({ ...fields, changed, running, inKernel, ...time });
  }
  console.log(printable(answer ? `${done}: ${kernelNote(answer, milliseconds)}` : done));
}

function isEnforced(answer: Accepted | undefined): boolean {
  return answer?.running === true && answer.mode === "enforce";
}

/** Never claims more than the running pfw said. */
function kernelNote(answer: Accepted, milliseconds: number): string {
  const time = `(${Math.max(1, Math.round(milliseconds))} ms)`;
  if (isEnforced(answer)) return paint("green", `in the kernel now ${time}`);
  if (answer.running) return paint("yellow", `pfw only observes, and judges by it now ${time}`);
  return paint(
    "yellow",
    answer.otherConfig === undefined
      ? "pfw is not running: takes effect at the next start"
      : `the running pfw uses ${answer.otherConfig}: takes effect when pfw starts with this file`,
  );
}

const NAMED_OVERLAPS = 5;

/** Warns of what stands on both lists. */
export function warnOfOverlaps(overlapping: readonly Overlap[], list: ListName): void {
  const other = list === "blacklist" ? "whitelisted" : "blacklisted";
  for (const { address, entry } of overlapping.slice(0, NAMED_OVERLAPS)) {
    const where = address === entry ? "" : ` (${entry})`;
    warn(`${address} is also ${other}${where}: the whitelist wins`);
  }
  const rest = overlapping.length - NAMED_OVERLAPS;
  if (rest > 0) warn(`${rest} more are also ${other}: the whitelist wins`);
}

/** A line on standard error, which `--json` leaves free. */
export function warn(text: string): void {
  console.error(printable(`pfw: warning: ${text}`));
}
