/** What applying a policy did, in numbers and in words. */
import type { Policy } from "../policy/policy.ts";
import { type KernelPlan, planSize } from "./plan.ts";

/** What applying a policy did. */
export interface ApplyResult {
  /** For people: `3 rules, 120,430 list entries, IPv4 and IPv6`. */
  readonly summary: string;
  readonly milliseconds: number;
  /** Enabled rules of the policy. */
  readonly rules: number;
  /** Rules and chains of ours in the kernel, both families. */
  readonly kernelRules: number;
  readonly chains: number;
  /** Entries of all our sets. */
  readonly setEntries: number;
}

/** The result for a plan that was applied in so many milliseconds. */
export function applyResult(policy: Policy, plan: KernelPlan, milliseconds: number): ApplyResult {
  const { rules: kernelRules, chains, entries } = planSize(plan);
  const families = plan.families.map(({ family }) => `IPv${family}`).join(" and ");
  return {
    summary: `${count(policy.rules.length, "rule", "rules")}, ` +
      `${count(entries, "list entry", "list entries")}, ${families}`,
    milliseconds,
    rules: policy.rules.length,
    kernelRules,
    chains,
    setEntries: entries,
  };
}

function count(number: number, one: string, many: string): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}
