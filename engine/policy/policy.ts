/**
 * The one immutable policy that both the kernel plan and the in-process matcher are made from.
 */
import { PrefixList } from "../net/prefix_list.ts";
import type { Action } from "./verdict.ts";

/** Who opened the connection: `in` others, `out` this host, `both` either. */
export type RuleDirection = "in" | "out" | "both";

/** The protocols that a rule can name; `icmp` is ICMP on IPv4 and ICMPv6 on IPv6. */
export type RuleProtocol = "tcp" | "udp" | "icmp" | "any";

/** An inclusive range of destination ports. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** One enabled rule. */
export interface PolicyRule {
  /** The number that `rules list` shows, from 1, disabled rules counted. */
  readonly number: number;
  /** Eight hex digits over what the rule says; survives moves, so its kernel counter does too. */
  readonly id: string;
  readonly name: string;
  readonly action: Action;
  readonly protocol: RuleProtocol;
  /** Destination ports, sorted and merged; empty: every port. Only with tcp, udp or any. */
  readonly ports: readonly PortRange[];
  /** Empty: every source. */
  readonly sources: PrefixList;
  /** Empty: every destination. */
  readonly destinations: PrefixList;
  readonly direction: RuleDirection;
}

/** New connections allowed per source: `connections` at once, then `connections / seconds` a second. */
export interface RateLimit {
  readonly connections: number;
  readonly seconds: number;
}

/** Everything that decides about a packet. */
export interface Policy {
  readonly defaultAction: Action;
  /** Enabled rules, first match wins. */
  readonly rules: readonly PolicyRule[];
  readonly whitelist: PrefixList;
  readonly blacklist: PrefixList;
  readonly bans: PrefixList;
  readonly threats: PrefixList;
  readonly rateLimit: RateLimit | undefined;
}

/** A policy that allows everything. */
export const EMPTY_POLICY: Policy = {
  defaultAction: "allow",
  rules: [],
  whitelist: PrefixList.EMPTY,
  blacklist: PrefixList.EMPTY,
  bans: PrefixList.EMPTY,
  threats: PrefixList.EMPTY,
  rateLimit: undefined,
};
