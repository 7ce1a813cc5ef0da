/** Says what became of a change of the configuration. */
import type { Accepted } from "../../engine/policy/config_edit.ts";
import type { ListName, Overlap } from "../../engine/policy/edit_lists.ts";
import type { PendingChange } from "../../engine/policy/pending_change.ts";
import type { CommandContext } from "../context.ts";
import { formatSeconds, paint, plural, print, printable, printJson, warn } from "../output.ts";
import type { Applied } from "./apply_edit.ts";

/**
 * Prints what was done and whether the kernel has it.
 *
 * @param done one line for people, e.g. `added rule 3 "No telnet"`
 * @param fields the same for `--json`
 */
export function printEdited(
  context: CommandContext,
  edited: Applied<unknown>,
  done: string,
  fields: Record<string, unknown>,
): void {
  const { changed, answer, milliseconds, pending } = edited;
  if (context.json) {
    const running = answer === undefined ? null : answer.running;
    const inKernel = isEnforced(answer);
    const time = inKernel ? { milliseconds: Number(milliseconds.toFixed(1)) } : {};
    const confirm = pending ? { confirm: confirmFields(pending) } : {};
    return printJson({ ...fields, changed, running, inKernel, ...time, ...confirm });
  }
  print(printable(answer ? `${done}: ${kernelNote(answer, milliseconds)}` : done));
  if (pending) printConfirm(pending);
}

/** A change that waits, for `--json`. */
export function confirmFields({ command, user, at, seconds }: PendingChange) {
  const until = new Date(Date.parse(at) + seconds * 1000).toISOString();
  return { command, user, at, seconds, until };
}

/** Says what happens unless somebody acts. */
export function printConfirm({ seconds }: PendingChange): void {
  const time = seconds < 600 ? plural(seconds, "second") : formatSeconds(seconds);
  const what = `the policy before returns in ${time}, unless you keep this one: pfw rules confirm`;
  print(paint("yellow", what));
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
