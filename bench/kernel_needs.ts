/** What the benchmarks of the running firewall need. */
import { kernelTestsAvailable } from "../tests/support/netns.ts";
import { canRun } from "./process.ts";

/** Why pfw cannot be run in namespaces here, or `undefined` when it can. */
export function namespaceObstacle(): string | undefined {
  const { ok, reason } = kernelTestsAvailable();
  return ok ? undefined : reason;
}

/** Why packets cannot be sent between namespaces here, or `undefined` when they can. */
export function trafficObstacle(): string | undefined {
  return namespaceObstacle() ??
    (canRun(["tcpreplay", "--version"]) ? undefined : "needs tcpreplay");
}
