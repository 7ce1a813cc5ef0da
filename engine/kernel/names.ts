/** The names of everything in the kernel that belongs to pfw, and what they stand for. */
import type { Family } from "../net/address.ts";
import { type ReasonCode, REASONS } from "../policy/verdict.ts";

/** Every chain of ours begins so; nothing else is touched. */
export const CHAIN_PREFIX = "PFW-";

/** Every set of ours begins so. */
export const SET_PREFIX = "pfw-";

const DROP_PREFIX = `${CHAIN_PREFIX}D-`;
const ALLOW_PREFIX = `${CHAIN_PREFIX}A-`;
const RULE_ID = /^[0-9a-f]{8}$/;

/** The lists of a policy that become sets, by the word in their name, in the order of verdicts. */
export const LIST_SETS = ["white", "black", "ban", "threat"] as const;

/** One of the words above. */
export type ListSet = typeof LIST_SETS[number];

/** `pfw-black4` and so on. */
export function listSetName(list: ListSet, family: Family): string {
  return `${SET_PREFIX}${list}${family}`;
}

/** Whether a rule's id may stand in a chain's name and in a restore file: eight hex digits. */
export function isRuleId(id: string): boolean {
  return RULE_ID.test(id);
}

/** The chain that logs and drops for this reason: `PFW-D-blacklist`, `PFW-D-<rule id>`. */
export function dropChain(reason: ReasonCode, ruleId: string | undefined): string {
  return DROP_PREFIX + (ruleId ?? reason);
}

/** The chain that counts what an allow rule let through. */
export function allowChain(ruleId: string): string {
  return ALLOW_PREFIX + ruleId;
}

const STAND_IN_PREFIX = `${CHAIN_PREFIX}NEXT-`;

/** The chain that stands in for a main chain; see `stand_ins.ts`. */
export function standInFor(main: string): string {
  return STAND_IN_PREFIX + main.slice(CHAIN_PREFIX.length);
}

/** Whether a chain stands in for another one. */
export function isStandIn(chain: string): boolean {
  return chain.startsWith(STAND_IN_PREFIX);
}

/** What a chain's counter stands for. */
export type ChainVerdict =
  | { readonly action: "block"; readonly reason: ReasonCode; readonly ruleId: string | undefined }
  | { readonly action: "allow"; readonly ruleId: string };

/** The reverse of `dropChain` and `allowChain`; `undefined` for every other chain. */
export function chainVerdict(chain: string): ChainVerdict | undefined {
  if (chain.startsWith(ALLOW_PREFIX)) {
    const ruleId = chain.slice(ALLOW_PREFIX.length);
    return isRuleId(ruleId) ? { action: "allow", ruleId } : undefined;
  }
  if (!chain.startsWith(DROP_PREFIX)) return undefined;
  const rest = chain.slice(DROP_PREFIX.length);
  if (isRuleId(rest)) return { action: "block", reason: "rule", ruleId: rest };
  const reason = REASONS.find((code) => code === rest);
  return reason && { action: "block", reason, ruleId: undefined };
}

/**
 * The text that NFLOG puts before each report of a dropped packet: `pfw:<reason>:<rule id or ->`.
 * The kernel keeps at most 63 bytes of it (`NF_LOG_PREFIXLEN`).
 */
export function nflogPrefix(reason: ReasonCode, ruleId: string | undefined): string {
  return `pfw:${reason}:${ruleId ?? "-"}`;
}
