/** Random policies and packets against a real kernel, until as many are done or one differs. */
import fc from "fast-check";
import { arbitraryConversation } from "./arbitrary_conversation.ts";
import { arbitraryPolicy } from "./arbitrary_policy.ts";
import { buildShots } from "./build_shots.ts";
import type { Conversation } from "./conversation.ts";
import { differences, fateCounts, judge, rulesMet } from "./differences.ts";
import type { Lab } from "./lab.ts";
import type { PolicyText } from "./scenario.ts";

/** A policy and what is said under it. */
export interface Scenario {
  readonly policy: PolicyText;
  readonly conversations: readonly Conversation[];
}

/** Scenarios with so many conversations each, of about five packets. */
export function arbitraryScenario(conversations: number): fc.Arbitrary<Scenario> {
  return fc.record({
    policy: arbitraryPolicy,
    conversations: fc.array(arbitraryConversation, {
      minLength: 1,
      maxLength: conversations,
      // As long as may be, most of the time.
      size: "max",
    }),
  });
}

/** How much is tried, and from where. */
export interface CampaignOptions {
  readonly policies: number;
  /** The most for each policy. */
  readonly conversations: number;
  readonly seed: number;
  /** Where in the seed's tree to begin: what a failing run printed. */
  readonly path?: string;
  /** Called after each policy. */
  readonly progress?: (totals: CampaignTotals) => void;
}

/** What was done so far. */
export interface CampaignTotals {
  policies: number;
  packets: number;
  pieces: number;
  rules: number;
  rulesMet: number;
  readonly fates: Map<string, number>;
}

/** What differed, as small as it could be made. */
export interface CampaignFailure {
  readonly scenario: Scenario;
  readonly differences: readonly string[];
  readonly path: string;
}

/** Milliseconds that may be spent on making a failing scenario smaller. */
const SHRINK_LIMIT = 90_000;

/** Runs it; `failure` is absent when kernel, rules and matcher agreed on every packet. */
export async function runCampaign(
  lab: Lab,
  options: CampaignOptions,
): Promise<{ totals: CampaignTotals; failure?: CampaignFailure }> {
  const totals: CampaignTotals = {
    policies: 0,
    packets: 0,
    pieces: 0,
    rules: 0,
    rulesMet: 0,
    fates: new Map(),
  };
  let failedAt = Infinity, last: readonly string[] = [];
  const property = fc.asyncProperty(
    arbitraryScenario(options.conversations),
    async (scenario) => {
      if (performance.now() - failedAt > SHRINK_LIMIT) return;
      const found = await compare(lab, scenario, failedAt === Infinity ? totals : undefined);
      options.progress?.(totals);
      if (found.length === 0) return;
      failedAt = Math.min(failedAt, performance.now());
      last = found;
      throw new Error(found[0]);
    },
  );
  const { seed, path, policies: numRuns } = options;
  const result = await fc.check(property, { numRuns, seed, path });
  if (!result.failed) return { totals };
  const [scenario] = result.counterexample ?? [];
  if (!scenario) throw new Error("the campaign was interrupted");
  const failure = { scenario, differences: last, path: result.counterexamplePath ?? "" };
  return { totals, failure };
}

/** Asks all three judges about a scenario. */
async function compare(
  lab: Lab,
  scenario: Scenario,
  totals: CampaignTotals | undefined,
): Promise<string[]> {
  const policy = lab.fresh(scenario.policy);
  const shots = buildShots(policy, scenario.conversations);
  const judgements = { ...judge(policy, shots), kernel: await lab.fire(policy, shots) };
  if (totals) {
    totals.policies++;
    totals.packets += shots.length;
    totals.pieces += shots.reduce((sum, { pieces }) => sum + pieces.length, 0);
    totals.rules += policy.rules.length;
    totals.rulesMet += rulesMet(policy, judgements.tracer);
    for (const [kind, count] of fateCounts(judgements.kernel.fates)) {
      totals.fates.set(kind, (totals.fates.get(kind) ?? 0) + count);
    }
  }
  return differences(judgements);
}
