/** `pfw stop` and `pfw reload`: words to the running pfw. */
import { ask, reload } from "../../engine/control/client.ts";
import { PfwError } from "../../engine/errors.ts";
import { isRunDirectoryHeld } from "../../engine/run_files.ts";
import type { CommandContext } from "../context.ts";
import { printJson } from "../output.ts";

/** Longest time that an orderly end may take, in milliseconds. */
const STOP_TIMEOUT = 30_000;

/** Ends the running pfw and waits until it is gone. */
export async function stop({ paths, json }: CommandContext): Promise<void> {
  const answer = await ask(paths, "POST", "/stop");
  if (!answer) {
    if (json) return printJson({ stopped: false, running: false });
    console.log("pfw is not running");
    return;
  }
  const deadline = performance.now() + STOP_TIMEOUT;
  while (isRunDirectoryHeld(paths)) {
    if (performance.now() > deadline) {
      throw new PfwError("cannot stop pfw", "it is still running after 30 s", "see its log");
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (json) return printJson({ stopped: true, running: false });
  console.log("pfw stopped; the kernel is as it was before");
}

/** Has the running pfw read its configuration again. */
export async function reloadRunning({ paths, json }: CommandContext): Promise<void> {
  const answer = await reload(paths);
  if (!answer.running) {
    throw new PfwError("cannot reload", "pfw is not running", "start it with: sudo pfw start");
  }
  if (!answer.ok) {
    throw new PfwError(
      "reload refused, the running policy stays",
      answer.error,
      "",
      answer.exitCode,
    );
  }
  if (json) return printJson({ reloaded: true, summary: answer.summary });
  console.log(`reloaded: ${answer.summary}`);
}
