/** The policy's rate limit in the words of `hashlimit`. */
import { ExitCode, PfwError } from "../errors.ts";
import type { Family } from "../net/address.ts";
import type { RateLimit } from "../policy/policy.ts";
import type { RatePlan } from "./plan.ts";

const UNITS = [["sec", 1], ["min", 60], ["hour", 3600], ["day", 86400]] as const;

/** `XT_HASHLIMIT_BURST_MAX` of linux/netfilter/xt_hashlimit.h. */
const MAX_BURST = 1_000_000;
/** The kernel counts credit for at most a day. */
const MAX_SECONDS = 86_400;
/** Larger amounts do not fit the integer that iptables reads. */
const MAX_AMOUNT = 2 ** 31 - 1;

/**
 * `connections / seconds` as whole connections in the shortest unit that holds it exactly; where
 * none does, as many a day as come nearest.
 *
 * The table's name carries the limit: the kernel goes on using a table, limit and all, for every
 * rule that names it, so another limit under the same name would change nothing.
 *
 * @throws PfwError for a limit that the kernel cannot count
 */
export function compileRate(limit: RateLimit, family: Family): RatePlan {
  const { connections, seconds } = limit;
  if (!(connections >= 1 && connections <= MAX_BURST && seconds > 0 && seconds <= MAX_SECONDS)) {
    throw new PfwError(
      `cannot limit to ${connections} connections in ${seconds} s`,
      `the kernel counts 1 to ${MAX_BURST} connections in at most ${MAX_SECONDS} s`,
      "change rate_limit",
      ExitCode.usage,
    );
  }
  const { unit, amount } = exactRate(connections, seconds);
  return {
    table: `pfw-rate${family}-${Math.round(connections)}-${seconds}s`,
    amount,
    unit,
    burst: Math.round(connections),
    expire: Math.ceil(seconds * 1000),
    sourceMask: family === 4 ? undefined : 64,
  };
}

function exactRate(connections: number, seconds: number): Pick<RatePlan, "unit" | "amount"> {
  let nearest: Pick<RatePlan, "unit" | "amount"> = { unit: "sec", amount: 1 };
  for (const [unit, length] of UNITS) {
    const amount = (connections * length) / seconds;
    if (amount > MAX_AMOUNT) break;
    if (Number.isInteger(amount)) return { unit, amount };
    nearest = { unit, amount: Math.max(1, Math.round(amount)) };
  }
  return nearest;
}
