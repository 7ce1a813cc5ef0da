/** Runs a change of the configuration for a command, and says what became of it. */
import { reload } from "../../engine/control/client.ts";
import { editConfig, type Edited } from "../../engine/policy/config_edit.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";
import { paint, printable, printJson } from "../output.ts";
import type { CommandContext } from "../program.ts";

/** Changes the configuration of this context; a running pfw takes it over before this returns. */
export function applyEdit<T>(
  { paths }: CommandContext,
  change: (draft: ConfigDraft) => T,
): Promise<Edited<T>> {
  return editConfig(paths.config, change, () => reload(paths));
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
  const { changed, running, milliseconds } = edited;
  if (context.json) {
    const inKernel = changed && running;
    const time = inKernel ? { milliseconds: Number(milliseconds.toFixed(1)) } : {};
    return printJson({ ...fields, changed, running: changed ? running : null, inKernel, ...time });
  }
  console.log(printable(changed ? `${done}: ${kernelNote(running, milliseconds)}` : done));
}

function kernelNote(running: boolean, milliseconds: number): string {
  return running
    ? paint("green", `in the kernel now (${Math.max(1, Math.round(milliseconds))} ms)`)
    : paint("yellow", "pfw is not running: takes effect at the next start");
}

/** A line on standard error, which `--json` leaves free. */
export function warn(text: string): void {
  console.error(printable(`pfw: warning: ${text}`));
}
