/**
 * Why a packet passes or does not: a closed set, in the order in which they are asked. The same
 * codes name database reasons, NFLOG prefixes and metrics.
 */

/** Every reason, in the order of the policy. The index is the number used on the hot path. */
export const REASONS = [
  "whitelist",
  "blacklist",
  "ban",
  "threat",
  "invalid",
  "rate_limit",
  "rule",
  "default_policy",
] as const;

/** The code of a reason, `reason_code` in JSON. */
export type ReasonCode = typeof REASONS[number];

/** Indices into `REASONS`, for code that may not look strings up. */
export const Reason = {
  whitelist: 0,
  blacklist: 1,
  ban: 2,
  threat: 3,
  invalid: 4,
  rateLimit: 5,
  rule: 6,
  defaultPolicy: 7,
} as const;

/** What the policy does with a packet. */
export type Action = "allow" | "block";

/**
 * The text of a reason, as the database and the tables show it.
 *
 * @param detail the rule's name, the ban's cause or the feed's name where the reason has one
 */
export function reasonText(code: ReasonCode, detail = ""): string {
  switch (code) {
    case "whitelist":
      return "Whitelisted IP";
    case "blacklist":
      return "Blacklisted IP";
    case "ban":
      return `Banned: ${detail || "manual"}`;
    case "threat":
      return `Threat intelligence: ${detail || "feed"}`;
    case "invalid":
      return "Invalid state";
    case "rate_limit":
      return "Rate limit exceeded";
    case "rule":
      return `Rule: ${detail}`;
    case "default_policy":
      return "Default policy";
  }
}

/**
 * A verdict as one number, because the hot path makes no objects: bits 0 to 2 the reason's index in
 * `REASONS`, bit 3 set when blocked, the rest the rule's index in `policy.rules`.
 */
export type Verdict = number;

const BLOCKED = 8;

/** Makes a verdict. */
export function makeVerdict(reason: number, isBlocked: boolean, rule = 0): Verdict {
  return reason | (isBlocked ? BLOCKED : 0) | (rule << 4);
}

/** Whether the packet is blocked. */
export function isBlocked(verdict: Verdict): boolean {
  return (verdict & BLOCKED) !== 0;
}

/** Index into `REASONS`. */
export function reasonOf(verdict: Verdict): number {
  return verdict & 7;
}

/** Index into `policy.rules`; of meaning only when the reason is a rule. */
export function ruleOf(verdict: Verdict): number {
  return verdict >>> 4;
}
