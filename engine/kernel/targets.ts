/** The rules that main chains of both tables share, and the chains that they lead to. */
import type { ReasonCode } from "../policy/verdict.ts";
import { allowChain, dropChain, type ListSet, nflogPrefix, SET_PREFIX } from "./names.ts";
import type { ChainPlan, HookPlan, Match, PlanRule, TableName, TablePlan, Target } from "./plan.ts";

/** Back to whoever called our main chain. */
export const RETURN: Target = { kind: "return" };

/** The lists that block; the whitelist has no target of its own. */
export type BlockingList = Exclude<ListSet, "white">;

const LIST_REASONS: Record<BlockingList, ReasonCode> = {
  black: "blacklist",
  ban: "ban",
  threat: "threat",
};

/** Those of the lists that block, in their order. */
export function blocking(lists: readonly ListSet[]): BlockingList[] {
  return lists.filter((list): list is BlockingList => list !== "white");
}

/** Where a packet goes whose address is in the list. */
export function blockListed(list: BlockingList): Target {
  return block(LIST_REASONS[list]);
}

/** Where a packet goes that is blocked by no rule of the policy. */
export function block(reason: ReasonCode): Target {
  return { kind: "block", reason, ruleId: undefined };
}

/** What comes from, or goes to, this machine itself returns. */
export function loopbackRule(direction: "in" | "out"): PlanRule {
  return { matches: [{ kind: "interface", direction, name: "lo" }], target: RETURN };
}

/**
 * A report costs as much as half a drop. Under a flood so many of them tell what goes on; how many
 * packets it was is counted by the drops themselves.
 */
const REPORTS_EACH_SECOND = 50_000, REPORTS_AT_ONCE = 20_000;

const REPORTED: Match = {
  kind: "packets_below_together",
  table: `${SET_PREFIX}reports-${REPORTS_EACH_SECOND}`,
  perSecond: REPORTS_EACH_SECOND,
  burst: REPORTS_AT_ONCE,
};

/**
 * A list has a limit of its own, of the kind that costs a third as much to ask: it is what stands
 * against the largest floods.
 */
const REPORTED_OF_LIST: Match = { kind: "packets_below", perSecond: 10_000, burst: 10_000 };

/**
 * A table of main chains and of all that they lead to.
 *
 * @param group number of the NFLOG group that gets the reports
 * @param spared what is not blocked after all; asked of what would be, before it is reported
 */
export function table(
  name: TableName,
  mains: readonly ChainPlan[],
  hooks: readonly HookPlan[],
  group: number,
  spared: readonly PlanRule[] = [],
): TablePlan {
  const targets = new Map<string, ChainPlan>();
  for (const { target } of mains.flatMap((chain) => chain.rules)) {
    const chain = targetChain(target, group, spared);
    if (chain) targets.set(chain.name, chain);
  }
  return { name, hooks, mains, targets: [...targets.values()] };
}

function targetChain(
  target: Target,
  group: number,
  spared: readonly PlanRule[],
): ChainPlan | undefined {
  if (target.kind === "allow") {
    return { name: allowChain(target.ruleId), rules: [{ matches: [], target: RETURN }] };
  }
  if (target.kind !== "block") return undefined;
  const { reason, ruleId } = target;
  const isListed = Object.values(LIST_REASONS).includes(reason);
  const report: Target = { kind: "nflog", group, prefix: nflogPrefix(reason, ruleId) };
  return {
    name: dropChain(reason, ruleId),
    rules: [
      ...spared,
      { matches: [isListed ? REPORTED_OF_LIST : REPORTED], target: report },
      { matches: [], target: { kind: "drop" } },
    ],
  };
}
