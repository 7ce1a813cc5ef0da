/** What the page calls reasons and actions. */
import type { LiveRow, ReasonCode } from "../../contract.ts";

/** Short names of the reasons. */
export const REASON_NAMES: Readonly<Record<ReasonCode, string>> = {
  whitelist: "Whitelist",
  blacklist: "Blacklist",
  ban: "Ban",
  threat: "Threat feed",
  invalid: "Invalid state",
  rate_limit: "Rate limit",
  rule: "Rule",
  default_policy: "Default policy",
};

/** Reasons that block, in the order in which a chart stacks them, from the bottom. */
export const BLOCKING = [
  "rule",
  "default_policy",
  "threat",
  "blacklist",
  "ban",
  "rate_limit",
  "invalid",
] as const satisfies readonly ReasonCode[];

/** One of `BLOCKING`. */
export type BlockingReason = typeof BLOCKING[number];

/** What became of a packet. */
export const ACTION_NAMES: Readonly<Record<LiveRow["action"], string>> = {
  allowed: "Allowed",
  blocked: "Blocked",
  would_block: "Would block",
};

/** The sum over all reasons. */
export function sumOf(counts: Readonly<Partial<Record<ReasonCode, number>>>): number {
  let sum = 0;
  for (const count of Object.values(counts)) sum += count;
  return sum;
}
