/** Takes back what waited in vain to be confirmed, before anything new begins. */
import { errorText } from "../../engine/errors.ts";
import type { Paths } from "../../engine/paths.ts";
import { PendingFile } from "../../engine/policy/pending_change.ts";
import { warn } from "../output.ts";

/** Takes it back and says so. */
export async function returnOverdue(paths: Paths): Promise<void> {
  if (!new PendingFile(paths.dataDir).exists()) return;
  try {
    const { returnIfDue } = await import("../../engine/policy/return_change.ts");
    const { putInForce } = await import("../../engine/control/put_in_force.ts");
    const returned = await returnIfDue(paths.dataDir, (config) => putInForce(paths, config));
    if (returned) {
      warn(`\`${returned.command}\` was not confirmed in time: the policy before it is back`);
    }
  } catch (error) {
    // Whoever may not read that may not change anything either, and the command says so itself.
    if (error instanceof Deno.errors.PermissionDenied) return;
    warn(`cannot take back a change that was not confirmed: ${errorText(error)}`);
  }
}
