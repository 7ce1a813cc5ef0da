/** `pfw stop`: a word to the running pfw. */
import { ask } from "../../engine/control/client.ts";
import { PfwError } from "../../engine/errors.ts";
import type { OnExit } from "../../engine/policy/settings.ts";
import { isRunDirectoryHeld } from "../../engine/run_lock.ts";
import type { CommandContext } from "../context.ts";
import { print, printJson } from "../output.ts";

/** Longest time that an orderly end may take, in milliseconds. */
const STOP_TIMEOUT = 30_000;

/** Ends the running pfw and waits until it is gone. */
export async function stop({ paths, json }: CommandContext): Promise<void> {
  const answer = await ask<{ onExit?: OnExit }>(paths, "POST", "/stop");
  if (!answer) {
    if (json) return printJson({ stopped: false, running: false });
    print("pfw is not running");
    return;
  }
  const deadline = performance.now() + STOP_TIMEOUT;
  while (isRunDirectoryHeld(paths)) {
    if (performance.now() > deadline) {
      throw new PfwError("cannot stop pfw", "it is still running after 30 s", "see its log");
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { onExit = "remove" } = answer.body ?? {};
  if (json) return printJson({ stopped: true, running: false, onExit });
  print(`pfw stopped; ${END_TEXTS[onExit]}`);
}

/** What becomes of the rules in the kernel, for people. */
export const END_TEXTS: Readonly<Record<OnExit, string>> = {
  remove: "the kernel is as it was before",
  keep: 'the kernel goes on enforcing (on_exit "keep") until the next start or `pfw cleanup`',
};
