/**
 * What becomes of the rules when the service manager ends pfw. systemd sends the same signal for
 * `systemctl stop` and for `systemctl restart`, but its queue of jobs tells the two apart: after a
 * stop nothing of pfw shall be left, a restart (an upgrade) must not open a window.
 */
import { type Commands, SystemCommands } from "../../engine/kernel/command.ts";

/** Set by the unit: the unit's own name. */
const UNIT_VARIABLE = "PFW_SYSTEMD_UNIT";

/** Longest time that systemd may take to answer, in milliseconds. */
const PATIENCE = 5000;

/** The unit that this process is the main one of; `undefined` outside of it. */
export function ownUnit(): string | undefined {
  return Deno.env.get(UNIT_VARIABLE) || undefined;
}

/** Why the service manager ends a unit. */
export type EndReason = "stop" | "restart" | "unknown";

/**
 * Reads what `systemctl list-jobs --no-legend` prints: number, unit, type and state of each job.
 * A restart keeps its type until the stop in it is over.
 */
export function endReason(jobs: string, unit: string): EndReason {
  const types = jobs.split("\n").map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1] === unit).map((columns) => columns[2]);
  return types.includes("restart") ? "restart" : "stop";
}

/** Asks systemd. */
export async function askEndReason(
  unit: string,
  commands: Commands = new SystemCommands(),
): Promise<EndReason> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<EndReason>((resolve) => {
    timer = setTimeout(() => resolve("unknown"), PATIENCE);
  });
  try {
    return await Promise.race([ask(unit, commands), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function ask(unit: string, commands: Commands): Promise<EndReason> {
  try {
    const argv = ["systemctl", "list-jobs", "--no-legend", "--no-pager", "--full"];
    const { status, stdout } = await commands.run(argv);
    return status === 0 ? endReason(stdout, unit) : "unknown";
  } catch {
    return "unknown";
  }
}
