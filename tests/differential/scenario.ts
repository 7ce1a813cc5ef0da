/**
 * What is compared: a policy and the packets that are sent under it, one after another. Plain data,
 * so that a difference once found can be kept in a file and sent again.
 */
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { Direction } from "../../engine/packet/packet.ts";
import type { Policy, RateLimit, RuleDirection, RuleProtocol } from "../../engine/policy/policy.ts";
import type { Action } from "../../engine/policy/verdict.ts";

/** A rule as text. */
export interface RuleText {
  readonly action: Action;
  readonly protocol: RuleProtocol;
  /** Inclusive ranges, sorted and apart from each other. */
  readonly ports: readonly (readonly [first: number, last: number])[];
  readonly sources: readonly string[];
  readonly destinations: readonly string[];
  readonly direction: RuleDirection;
}

/** A policy as text. */
export interface PolicyText {
  readonly defaultAction: Action;
  readonly rules: readonly RuleText[];
  readonly whitelist: readonly string[];
  readonly blacklist: readonly string[];
  readonly bans: readonly string[];
  readonly threats: readonly string[];
  readonly rateLimit?: RateLimit;
}

/** The id of the rule at this place, from 0. */
export function ruleIdAt(index: number): string {
  return (index + 1).toString(16).padStart(8, "0");
}

/** The policy that the text means. */
export function policyOf(text: PolicyText): Policy {
  return {
    defaultAction: text.defaultAction,
    rules: text.rules.map((rule, index) => ({
      number: index + 1,
      id: ruleIdAt(index),
      name: `rule ${index + 1}`,
      action: rule.action,
      protocol: rule.protocol,
      ports: rule.ports.map(([first, last]) => ({ first, last })),
      sources: PrefixList.parse(rule.sources),
      destinations: PrefixList.parse(rule.destinations),
      direction: rule.direction,
    })),
    whitelist: PrefixList.parse(text.whitelist),
    blacklist: PrefixList.parse(text.blacklist),
    bans: PrefixList.parse(text.bans),
    threats: PrefixList.parse(text.threats),
    rateLimit: text.rateLimit,
  };
}

/**
 * Which way a packet goes, seen from the machine with the firewall: to it, from it, through it, or
 * through it against the direction of `forward`.
 */
export type Way = "in" | "out" | "forward" | "back";

/** What the decoder would say of a packet that goes this way. */
export function directionOf(way: Way): number {
  if (way === "in") return Direction.incoming;
  return way === "out" ? Direction.outgoing : Direction.forwarded;
}

/** One packet. */
export interface Shot {
  /** 1 to 65,535; also in the packet, so that reports about it can be told from others. */
  readonly id: number;
  readonly way: Way;
  /** The packet that all pieces make together, from its IP header on. */
  readonly whole: Uint8Array<ArrayBuffer>;
  /** What is sent, in order. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * What became of a packet: `pass`, or `drop ` and the text before the kernel's report without its
 * `pfw:`, such as `drop rule:00000001` or `drop blacklist:-`.
 */
export type Fate = string;
