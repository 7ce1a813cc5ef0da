/** Rules of pfw that the kernel enforces though the pfw that is asked does not. */
import type { Commands } from "./command.ts";
import { readTables } from "./kernel_state.ts";
import { isOurs, ourChainIn } from "./saved_state.ts";

/** Whose they are: there are none; of one that is gone; of another one that runs. */
export type StandingRules = "none" | "left" | "other";

/**
 * Looks whether packets are led to our chains, by one program that only reads. IPv4 tells enough:
 * what is enforced is enforced in both families.
 *
 * @param group of the reports, which a pfw that enforces receives
 * @throws CommandError, PfwError where the kernel cannot be read
 */
export async function findStandingRules(
  commands: Commands,
  group: number,
): Promise<StandingRules> {
  const tables = await readTables(commands, 4);
  const chains = [...tables.values()].flatMap((table) => [...table.values()]);
  const isLed = chains.some((chain) => !isOurs(chain) && chain.rules.some(ourChainIn));
  if (!isLed) return "none";
  return isReceived(group) ? "other" : "left";
}

/** Whether somebody in this network namespace receives reports of the group; takes it from nobody. */
function isReceived(group: number): boolean {
  try {
    const bound = Deno.readTextFileSync("/proc/self/net/netfilter/nfnetlink_log");
    return bound.split("\n").some((line) => Number.parseInt(line) === group);
  } catch {
    // Nobody was ever bound.
    return false;
  }
}
