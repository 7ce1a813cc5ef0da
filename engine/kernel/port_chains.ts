/**
 * The rules of one protocol as a tree of chains: where there are many for single ports, a packet
 * passes few of them. Who shares a port with nobody pays for the logarithm of the others.
 */
import type { PortRange } from "../policy/policy.ts";
import type { ChainPlan, Match, PlanRule } from "./plan.ts";

/** As many rules as are worth a question that saves half of them. */
const WORTH_DIVIDING = 16;
/** A chain is halved so often: it asks seven questions at most. */
const HALVINGS = 3;
/** Chains behind one another: nftables allows 16 in all, and each may have one that stands in. */
const DEPTH = 3;

/** The match of a rule that tells its ports. */
type PortMatch = Extract<Match, { kind: "ports" | "original_port" }>;

const LAST_PORT = 65_535;

/** What all chains of a tree have in common. */
interface Tree {
  /** Of its first chain; the others begin so. */
  readonly name: string;
  /** How its rules ask for ports. */
  readonly question: PortMatch;
  readonly ends: readonly PlanRule[];
}

/**
 * The chain `name`, and those that it leads to.
 *
 * @param rules of one protocol, in order; those without ports are for every port
 * @param ends what decides on a packet that none of them matches
 */
export function portChains(
  name: string,
  rules: readonly PlanRule[],
  ends: readonly PlanRule[],
): ChainPlan[] {
  const question = rules.map(portsOf).find((match) => match !== undefined);
  if (!question) return [{ name, rules: [...rules, ...ends] }];
  return divide({ name, question, ends }, name, rules, { first: 0, last: LAST_PORT }, 0);
}

/** A chain for packets to ports of this range, and those that it leads to. */
function divide(
  tree: Tree,
  name: string,
  rules: readonly PlanRule[],
  range: PortRange,
  depth: number,
): ChainPlan[] {
  const ports = depth < DEPTH ? divisions(rules, range, HALVINGS) : [];
  if (ports.length === 0) return [{ name, rules: [...rules, ...tree.ends] }];
  const [lowest, ...upper] = [range.first, ...ports].map((first, at) => {
    const part = { first, last: at < ports.length ? ports[at] - 1 : range.last };
    const chain = `${tree.name}-${part.first}-${part.last}`;
    return divide(tree, chain, within(rules, part), part, depth + 1);
  });
  const questions = upper.map(([{ name }], at): PlanRule => ({
    matches: [withPorts(tree.question, { first: ports[at], last: LAST_PORT })],
    target: { kind: "goto", chain: name },
  }));
  // What stands in one chain may as well stand here.
  const isOne = lowest.length === 1;
  const rest: readonly PlanRule[] = isOne
    ? lowest[0].rules
    : [{ matches: [], target: { kind: "goto", chain: lowest[0].name } }];
  const chain = { name, rules: [...questions.reverse(), ...rest] };
  return [chain, ...isOne ? [] : lowest, ...upper.flat()];
}

/** The ports, in ascending order, at which parts begin that are worth a chain each. */
function divisions(rules: readonly PlanRule[], range: PortRange, halvings: number): number[] {
  const port = halvings > 0 ? bestDivision(rules) : undefined;
  if (port === undefined) return [];
  const below = { first: range.first, last: port - 1 }, above = { first: port, last: range.last };
  return [
    ...divisions(within(rules, below), below, halvings - 1),
    port,
    ...divisions(within(rules, above), above, halvings - 1),
  ];
}

/**
 * The port from which on a chain of its own saves most; `undefined` where none saves much, or where
 * many rules would stand in both.
 */
function bestDivision(rules: readonly PlanRule[]): number | undefined {
  if (rules.length < WORTH_DIVIDING) return undefined;
  const spans = rules.map(spanOf);
  const firsts = spans.map(({ first }) => first).sort((a, b) => a - b);
  const lasts = spans.map(({ last }) => last).sort((a, b) => a - b);
  let best: number | undefined, fewest = 3 * rules.length / 4;
  for (const port of new Set([...firsts, ...lasts.map((last) => last + 1)])) {
    const below = countLess(firsts, port), above = rules.length - countLess(lasts, port);
    if (below + above > rules.length + Math.ceil(rules.length / 8)) continue;
    const most = Math.max(below, above) + 1;
    if (most < fewest) [best, fewest] = [port, most];
  }
  return best;
}

/** How many of these, in ascending order, are less than `limit`. */
function countLess(sorted: readonly number[], limit: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** From the first port of a rule to its last one. */
function spanOf(rule: PlanRule): PortRange {
  const ranges = rangesOf(portsOf(rule));
  return {
    first: ranges.reduce((least, { first }) => Math.min(least, first), LAST_PORT),
    last: ranges.reduce((most, { last }) => Math.max(most, last), 0),
  };
}

/** What of the rules concerns ports of a range: a rule keeps those of its ports that do. */
function within(rules: readonly PlanRule[], range: PortRange): PlanRule[] {
  return rules.flatMap((rule): PlanRule[] => {
    const ports = portsOf(rule);
    if (!ports) return [rule];
    const ranges = rangesOf(ports).filter(({ first, last }) =>
      first <= range.last && last >= range.first
    );
    if (ranges.length === 0) return [];
    const matches = rule.matches.map((match) =>
      match === ports && match.kind === "ports" ? { ...match, ranges } : match
    );
    return [{ ...rule, matches }];
  });
}

function portsOf(rule: PlanRule): PortMatch | undefined {
  return rule.matches.find((match): match is PortMatch =>
    match.kind === "ports" || match.kind === "original_port"
  );
}

function rangesOf(match: PortMatch | undefined): readonly PortRange[] {
  if (!match) return [{ first: 0, last: LAST_PORT }];
  return match.kind === "ports" ? match.ranges : [match.range];
}

/** The same question about other ports. */
function withPorts(match: PortMatch, range: PortRange): PortMatch {
  return match.kind === "ports" ? { ...match, ranges: [range] } : { ...match, range };
}
