/**
 * The way of a connection through the policy, step by step, in words: what `explain` shows. It
 * follows the same order as the matcher; a test holds the two together.
 */
import { formatPrefix, type Prefix } from "../net/address.ts";
import { isLoopback } from "../net/lifelines.ts";
import { covers, type PrefixList } from "../net/prefix_list.ts";
import type { Policy, PolicyRule, PortRange } from "./policy.ts";
import type { Action, ReasonCode } from "./verdict.ts";

/** A connection that is to be opened; what is left out may be anything. */
export interface Subject {
  /** The other end: one address. */
  readonly address: Prefix;
  /** Who opens it: `in` the other end, `out` this machine. */
  readonly direction: "in" | "out";
  readonly protocol?: "tcp" | "udp" | "icmp";
  /** Destination port. */
  readonly port?: number;
  /** This machine's addresses beside loopback: rules may name them, and what is theirs is local. */
  readonly own: readonly Prefix[];
  /** The one of them that it speaks from, where that is known. */
  readonly from?: Prefix;
}

/**
 * What a step does: `decides`, `passes` on to the next one, `depends` on what the subject leaves
 * open, or is `unreached` because an earlier one decided.
 */
export type StepOutcome = "decides" | "passes" | "depends" | "unreached";

/** One step. */
export interface Step {
  readonly code: ReasonCode;
  readonly outcome: StepOutcome;
  /** For people: why. */
  readonly text: string;
  /** What the step does to what it matches. */
  readonly action: Action;
  /** The entry of a list that holds the address. */
  readonly entry?: string;
  readonly rule?: { readonly number: number; readonly id: string; readonly name: string };
}

/** The steps, and what they come to. */
export interface Trail {
  readonly action: Action;
  /** The step that decides, when nothing that is left open decides before it. */
  readonly decisive: Step;
  readonly steps: readonly Step[];
  /** The other end is this machine, too: what stays within it is never judged. */
  readonly isLocal: boolean;
}

type Judged = Omit<Step, "outcome"> & { readonly outcome: Exclude<StepOutcome, "unreached"> };

/** Follows a connection through a policy. */
export function followPolicy(policy: Policy, subject: Subject): Trail {
  const steps: Step[] = [];
  let decisive: Step | undefined;
  for (const step of judge(policy, subject)) {
    const reached: Step = decisive ? { ...step, outcome: "unreached" } : step;
    steps.push(reached);
    if (!decisive && reached.outcome === "decides") decisive = reached;
  }
  // The default policy always decides.
  return { action: decisive!.action, decisive: decisive!, steps, isLocal: isLocal(subject) };
}

/** As `setDirection` tells of packets: both ends are this machine's. */
function isLocal({ address, own }: Subject): boolean {
  return isLoopback(address) ||
    own.some((one) => one.family === address.family && covers(one, address));
}

function* judge(policy: Policy, subject: Subject): Generator<Judged> {
  if (isLocal(subject)) yield localStep(subject);
  else yield listStep("whitelist", "allow", policy.whitelist, subject);
  yield listStep("blacklist", "block", policy.blacklist, subject);
  yield listStep("ban", "block", policy.bans, subject);
  yield listStep("threat", "block", policy.threats, subject);
  yield {
    code: "invalid",
    action: "block",
    outcome: "passes",
    text: "a packet that opens a connection is valid",
  };
  yield rateStep(policy, subject);
  for (const rule of policy.rules) yield ruleStep(rule, subject);
  const { defaultAction } = policy;
  yield {
    code: "default_policy",
    action: defaultAction,
    outcome: "decides",
    text: `nothing before decided: ${defaultAction}`,
  };
}

const LIST_NAMES = {
  whitelist: "whitelist",
  blacklist: "blacklist",
  ban: "list of bans",
  threat: "threat list",
} as const;

function listStep(
  code: keyof typeof LIST_NAMES,
  action: Action,
  list: PrefixList,
  { address }: Subject,
): Judged {
  const found = entryOf(list, address);
  if (!found) {
    return { code, action, outcome: "passes", text: `not on the ${LIST_NAMES[code]}` };
  }
  const entry = formatPrefix(found);
  return {
    code,
    action,
    outcome: "decides",
    text: `${entry} is on the ${LIST_NAMES[code]}`,
    entry,
  };
}

/** It counts as whitelisted; the kernel lets pass what comes and goes by the loopback device. */
function localStep({ address }: Subject): Judged {
  return {
    code: "whitelist",
    action: "allow",
    outcome: "decides",
    text: `${formatPrefix(address)} is this machine itself: packets within it are never judged`,
  };
}

/** The entry of a list that holds an address. */
export function entryOf(list: PrefixList, address: Prefix): Prefix | undefined {
  for (const prefix of list.prefixes(address.family)) {
    if (covers(prefix, address)) return prefix;
  }
  return undefined;
}

function rateStep({ rateLimit }: Policy, { direction, address }: Subject): Judged {
  const step = { code: "rate_limit", action: "block", outcome: "passes" } as const;
  if (!rateLimit) return { ...step, text: "no rate limit" };
  if (direction === "out") return { ...step, text: "what this machine opens is not limited" };
  const source = address.family === 6 ? "its /64" : "it";
  const { connections, seconds } = rateLimit;
  return {
    ...step,
    text: `blocks when ${source} opens more than ${connections} connections at once, ` +
      `then ${connections} per ${seconds} s`,
  };
}

function ruleStep(rule: PolicyRule, subject: Subject): Judged {
  const { number, id, name, action } = rule;
  const step = { code: "rule", action, rule: { number, id, name } } as const;
  const mismatch = mismatchOf(rule, subject);
  if (mismatch) return { ...step, outcome: "passes", text: mismatch };
  const open = openQuestion(rule, subject);
  if (open) return { ...step, outcome: "depends", text: `${action}s only ${open}` };
  return { ...step, outcome: "decides", text: `matches: ${action}` };
}

/** Why a rule cannot match, whatever the subject leaves open. */
function mismatchOf(rule: PolicyRule, subject: Subject): string | undefined {
  const { direction, protocol, port, address } = subject;
  if (rule.direction !== "both" && rule.direction !== direction) {
    return `speaks of connections that ${rule.direction === "in" ? "others open" : "we open"}`;
  }
  if (protocol && rule.protocol !== "any" && rule.protocol !== protocol) {
    return `speaks of ${rule.protocol}`;
  }
  if (rule.ports.length > 0) {
    if (protocol === "icmp") return "speaks of ports";
    if (port !== undefined && !holdsPort(rule.ports, port)) {
      return `speaks of other ports: ${portsText(rule.ports)}`;
    }
  }
  const [theirs, ours] = direction === "in"
    ? [rule.sources, rule.destinations]
    : [rule.destinations, rule.sources];
  if (theirs.size > 0 && !entryOf(theirs, address)) return "speaks of other addresses";
  if (ours.size > 0 && !ourEnds(subject).some((one) => entryOf(ours, one))) {
    return subject.from
      ? `speaks of other addresses than ${formatPrefix(subject.from)}, from which we would open it`
      : "speaks of addresses that are not this machine's";
  }
  return undefined;
}

/** What the subject leaves open and the rule asks for; `undefined` when nothing. */
function openQuestion(rule: PolicyRule, subject: Subject): string | undefined {
  const { protocol, port, direction } = subject;
  const words: string[] = [];
  if (rule.ports.length > 0 && port === undefined) {
    const kind = rule.protocol === "any" ? protocol ?? "tcp and udp" : rule.protocol;
    words.push(`${kind} to ${rule.ports.length === 1 ? "port" : "ports"} ${portsText(rule.ports)}`);
  } else if (!protocol && (rule.protocol !== "any" || rule.ports.length > 0)) {
    words.push(rule.protocol === "any" ? "tcp and udp" : rule.protocol);
  }
  const ours = direction === "in" ? rule.destinations : rule.sources;
  const ends = ourEnds(subject);
  if (ours.size > 0 && !ends.every((one) => entryOf(ours, one))) {
    const [mine] = ends.filter((one) => entryOf(ours, one));
    words.push(`${direction === "in" ? "to" : "from"} ${formatPrefix(mine)}`);
  }
  return words.length > 0 ? words.join(" ") : undefined;
}

/** The addresses that our end may have. */
function ourEnds({ address, own, from }: Subject): readonly Prefix[] {
  return from ? [from] : own.filter((one) => one.family === address.family);
}

function holdsPort(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ first, last }) => first <= port && port <= last);
}

function portsText(ranges: readonly PortRange[]): string {
  const texts = ranges.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`);
  return texts.length <= 8 ? texts.join(", ") : `${texts.slice(0, 8).join(", ")}, …`;
}
