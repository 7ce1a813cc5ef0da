/** What the kernel enforces while no pfw does, for `status`, `explain` and `bans`. */
import { NFLOG_GROUP } from "../../engine/capture.ts";
import { SystemCommands } from "../../engine/kernel/command.ts";
import { findStandingRules, type StandingRules } from "../../engine/kernel/standing_rules.ts";
import { isRoot, type Paths } from "../../engine/paths.ts";
import { holderOf } from "../../engine/run_lock.ts";

/**
 * Looks into the kernel.
 *
 * @param pid of the pfw that only looks on, where one does
 * @returns `undefined` where that cannot be told: it takes root, iptables, and the same network
 */
async function standingRules(pid?: number): Promise<StandingRules | undefined> {
  if (!isRoot() || (pid !== undefined && !isSameNetwork(pid))) return undefined;
  return await findStandingRules(new SystemCommands(), NFLOG_GROUP).catch(() => undefined);
}

function isSameNetwork(pid: number): boolean {
  try {
    const network = (process: number | "self") => Deno.readLinkSync(`/proc/${process}/ns/net`);
    return network(pid) === network("self");
  } catch {
    return false;
  }
}

/** Where the pfw of these paths does not enforce: whether rules stand all the same, and in words. */
export async function standing(paths: Paths, isRunning: boolean) {
  const rules = await standingRules(isRunning ? Number(holderOf(paths)) : undefined);
  return { rules, text: standingText(rules, isRunning) };
}

/** For people: whose rules stand, and what can be done; `undefined` where none do. */
function standingText(
  standing: StandingRules | undefined,
  isRunning: boolean,
): string | undefined {
  if (standing === "other") {
    return "the kernel enforces the rules of another pfw, which runs with other directories " +
      "(--run-dir)";
  }
  if (standing !== "left") return undefined;
  const first = isRunning ? "after `sudo pfw stop`, " : "";
  return "the kernel still enforces the rules of a pfw that is gone: " +
    `${first}\`sudo pfw start\` takes them over, \`sudo pfw cleanup\` removes them`;
}
