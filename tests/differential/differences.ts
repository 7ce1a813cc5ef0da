/** Holds what three judges say of the same packets against each other. */
import { ruleIdAt } from "./scenario.ts";
import type { Fate, PolicyText, Shot } from "./scenario.ts";
import type { KernelFates } from "./lab.ts";
import { type MatcherFate, matcherFates } from "./matcher_fates.ts";
import { type Layout, type TracerFates, tracerFates } from "./tracer_fates.ts";

/** What each judge says; the kernel is not always asked. */
export interface Judgements {
  readonly shots: readonly Shot[];
  /** By packet and piece. */
  readonly matcher: readonly (readonly MatcherFate[])[];
  readonly tracer: TracerFates;
  readonly kernel?: KernelFates;
}

/** The judgements of those that need no kernel. */
export function judge(
  policy: PolicyText,
  shots: readonly Shot[],
  layout?: Layout,
): Judgements {
  const tracer = tracerFates(policy, shots, layout);
  return { shots, matcher: matcherFates(policy, shots), tracer };
}

/** Where they are not of one mind, one line each; the first packet that differs comes first. */
export function differences(judgements: Judgements): string[] {
  const { shots, kernel } = judgements;
  const perPacket = shots.flatMap((_, at) => packetDifferences(judgements, at));
  if (perPacket.length > 0 || !kernel) return perPacket;
  return counterDifferences(judgements.tracer, kernel);
}

function packetDifferences(judgements: Judgements, at: number): string[] {
  const { shots, matcher, tracer, kernel } = judgements;
  const trace = tracer.traces[at];
  const expected = kernel ? kernel.fates[at] ?? "nothing" : trace.fate;
  const found: string[] = [];
  if (trace.fate !== expected) found.push(`the tracer says "${trace.fate}"`);
  for (const { fate, reason } of matcher[at]) {
    if (fate !== expected) found.push(`the matcher says "${fate}"`);
    else if (fate === "pass" && !isSameCause(reason, trace)) {
      found.push(`the matcher says it passes by ${reason}, the rules by "${trace.allowedBy}"`);
    }
  }
  const judge = kernel ? "the kernel" : "the rules";
  const about = `packet ${shots[at].id} (${describe(shots[at])}): ${judge} ${
    kernel ? "says" : "say"
  } "${expected}"`;
  return [...new Set(found)].map((what) => `${about}, ${what}`);
}

/** A reply passes in the kernel before any rule; the matcher names the rule that let it begin. */
function isSameCause(
  reason: string,
  { allowedBy, tracked }: TracerFates["traces"][number],
): boolean {
  if (allowedBy !== "") return reason === allowedBy;
  return reason === "default_policy" ||
    (tracked?.direction === "REPLY" && reason.startsWith("rule:"));
}

/**
 * The kernel's own counters. Those of `raw`'s OUTPUT are left out: the machine's stack answers
 * packets of the test there too.
 */
function counterDifferences(tracer: TracerFates, kernel: KernelFates): string[] {
  const found: string[] = [];
  for (const [rule, count] of tracer.counters) {
    if (!/ PFW-/.test(rule) || / raw PFW-OUT /.test(rule) || / PFW-[DA]-/.test(rule)) continue;
    const counted = kernel.counters.get(rule);
    if (counted !== count) {
      found.push(`rule IPv${rule}: the kernel counted ${counted}, the tracer ${count}`);
    }
  }
  return found;
}

/** A packet in a few words. */
export function describe({ way, whole, pieces }: Shot): string {
  const isV4 = whole[0] >> 4 === 4;
  const protocol = isV4 ? whole[9] : whole[6];
  const payload = whole.subarray(isV4 ? (whole[0] & 15) << 2 : 40);
  const cut = pieces.length > 1 ? ` in ${pieces.length} fragments` : "";
  return `${way}, IPv${isV4 ? 4 : 6}, protocol ${protocol}, ${
    payload.subarray(0, 16).toHex()
  }${cut}`;
}

/** What happened to how many packets, for the summary of a run. */
export function fateCounts(fates: readonly (Fate | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const fate of fates) {
    const kind = fate?.replace(/:.*/, "") ?? "nothing";
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** The rules of a policy that some packet met, allowed or blocked. */
export function rulesMet(policy: PolicyText, { traces }: TracerFates): number {
  const met = new Set(traces.flatMap(({ fate, allowedBy }) => [fate, `drop ${allowedBy}`]));
  return policy.rules.filter((_, at) => met.has(`drop rule:${ruleIdAt(at)}`)).length;
}
