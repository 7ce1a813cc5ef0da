/**
 * A process of its own that brings the policy before back when nobody confirms: the command that
 * made the change, its terminal and the running pfw may all be gone by then.
 */
import { putInForce } from "../../engine/control/put_in_force.ts";
import type { Paths } from "../../engine/paths.ts";
import {
  type PendingChange,
  PendingFile,
  secondsLeft,
} from "../../engine/policy/pending_change.ts";
import { returnIfDue } from "../../engine/policy/return_change.ts";
import { ownCommand } from "../own_command.ts";

/** Seconds after which it looks whether anything waits still. */
const LOOK = 5;

/**
 * Waits as a shell, which takes a hundredth of the memory, and then becomes pfw; ends where nothing
 * waits any more.
 */
const WAIT = `trap "" HUP
left=$1 file=$2
shift 2
while [ "$left" -gt 0 ]; do
  [ -e "$file" ] || exit 0
  step=$((left < ${LOOK} ? left : ${LOOK}))
  sleep "$step"
  left=$((left - step))
done
exec "$@"`;

/** Starts the process for a change that is noted, in a session of its own. */
export function startReturnGuard(paths: Paths, { id, seconds }: PendingChange): void {
  const { config, dataDir, logDir, runDir } = paths;
  const places = [
    "--config",
    config,
    "--data-dir",
    dataDir,
    "--log-dir",
    logDir,
    "--run-dir",
    runDir,
  ];
  const words = [...ownCommand(), ...places, "rules", "return-unconfirmed", id];
  const child = new Deno.Command("sh", {
    args: ["-c", WAIT, "sh", String(seconds), new PendingFile(dataDir).path, ...words],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
}

/** Seconds between two attempts, and how many there are. */
const RETRY = 5, ATTEMPTS = 120;

/** What that process does: waits for what is left of the time, then puts the policy before back. */
export async function returnUnconfirmed(paths: Paths, id: string): Promise<void> {
  const file = new PendingFile(paths.dataDir);
  for (let attempt = 0; attempt < ATTEMPTS;) {
    const pending = await file.read();
    if (pending?.id !== id) return;
    const left = secondsLeft(pending);
    if (left > 0) {
      await pause(Math.min(left, RETRY));
      continue;
    }
    try {
      await returnIfDue(paths.dataDir, (config) => putInForce(paths, config));
    } catch {
      // Nobody reads what it would say; the change stays pending, and `status` shows that.
      await pause(RETRY);
      attempt++;
    }
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
