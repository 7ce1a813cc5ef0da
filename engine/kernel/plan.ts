/**
 * What the kernel shall hold, as data: made from a policy by `compile.ts`, turned into text by
 * `render_*.ts`, compared with the kernel by `compare.ts`.
 */
import { type Family, formatPrefix, type Prefix } from "../net/address.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import type { PortRange } from "../policy/policy.ts";
import type { ReasonCode } from "../policy/verdict.ts";
import type { ListSet } from "./names.ts";

/** The tables that pfw uses: `raw` before connection tracking, `filter` after it. */
export type TableName = "raw" | "filter";

/** Both tables, in the order in which they are changed. */
export const TABLES: readonly TableName[] = ["raw", "filter"];

/** Which address of the packet. */
export type Side = "src" | "dst";

/** States of connection tracking (iptables-extensions(8), conntrack). */
export type ConnectionState = "NEW" | "ESTABLISHED" | "RELATED" | "INVALID";

/** The limit of new connections of one source. */
export interface RatePlan {
  /**
   * Of the kernel's table, and of the set of sources that are looked up in it. Names the limit,
   * since a table keeps the limit it was made with.
   */
  readonly table: string;
  /** `amount` a `unit`, refilling the bucket. */
  readonly amount: number;
  readonly unit: "sec" | "min" | "hour" | "day";
  /** Connections at once: the bucket's size. */
  readonly burst: number;
  /** Milliseconds after which an idle source is forgotten: its bucket is full again. */
  readonly expire: number;
  /** Bits of the source that tell sources apart; `undefined`: all. */
  readonly sourceMask: number | undefined;
  /** Sources that the kernel's table has room for. */
  readonly entries: number;
}

/** One condition of a rule; all must hold. */
export type Match =
  | { readonly kind: "interface"; readonly direction: "in" | "out"; readonly name: string }
  | {
    readonly kind: "set";
    readonly set: string;
    readonly side: Side;
    /** Holds for an address that is not in the set. */
    readonly isNegated?: boolean;
  }
  | {
    readonly kind: "address";
    readonly side: Side;
    readonly prefix: Prefix;
    /** Holds for an address outside of the prefix. */
    readonly isNegated?: boolean;
  }
  | { readonly kind: "protocol"; readonly protocol: "tcp" | "udp" | "icmp" | "ipv6-icmp" }
  /** The packet's connection has this mark, all 32 bits. */
  | { readonly kind: "connection_mark"; readonly mark: number }
  /** Destination ports as they stand in the packet; at most 15 slots, a range takes two. */
  | {
    readonly kind: "ports";
    readonly protocol: "tcp" | "udp";
    readonly ranges: readonly PortRange[];
  }
  /** The destination port that the connection was opened to, before any translation. */
  | {
    readonly kind: "original_port";
    readonly protocol: "tcp" | "udp";
    readonly range: PortRange;
  }
  | { readonly kind: "icmpv6_type"; readonly type: number }
  | {
    readonly kind: "state";
    readonly states: readonly ConnectionState[];
    /** Holds for a packet in none of the states. */
    readonly isNegated?: boolean;
  }
  /** The packet answers the one that opened the connection. */
  | { readonly kind: "reply" }
  /** It belongs to a connection that was answered, and comes from who opened it. */
  | { readonly kind: "established_original" }
  | { readonly kind: "rate_above"; readonly rate: RatePlan }
  /** So many packets a second, whoever sends them, and so many at once. At most 10,000 of each. */
  | { readonly kind: "packets_below"; readonly perSecond: number; readonly burst: number }
  /** The same for all rules together that name the table, and without that bound. */
  | {
    readonly kind: "packets_below_together";
    /** A table keeps the limit it was made with, so its name must tell it. */
    readonly table: string;
    readonly perSecond: number;
    readonly burst: number;
  };

/** What happens to a packet that matches. */
export type Target =
  | { readonly kind: "return" }
  | { readonly kind: "drop" }
  | { readonly kind: "nflog"; readonly group: number; readonly prefix: string }
  /** Put the source into a set for so many seconds, where there is room, and go on. */
  | { readonly kind: "follow"; readonly set: string; readonly seconds: number }
  /** Give the connection this mark, all 32 bits, and go on. */
  | { readonly kind: "mark"; readonly mark: number }
  /** Jump to another main chain of the table, and come back if it decides nothing. */
  | { readonly kind: "jump"; readonly chain: string }
  /** Go to another main chain of the table, and from its end to whoever called this one. */
  | { readonly kind: "goto"; readonly chain: string }
  /** Jump to the chain that reports and drops. */
  | { readonly kind: "block"; readonly reason: ReasonCode; readonly ruleId: string | undefined }
  /** Go to the chain that counts and returns to whoever called our main chain. */
  | { readonly kind: "allow"; readonly ruleId: string };

/** One rule of a chain. */
export interface PlanRule {
  readonly matches: readonly Match[];
  readonly target: Target;
}

/** One chain of ours. */
export interface ChainPlan {
  readonly name: string;
  readonly rules: readonly PlanRule[];
}

/** The jump from a built-in chain, always in the first position. */
export interface HookPlan {
  readonly hook: "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT";
  readonly chain: string;
}

/** Our part of one table of one family; without hooks it is not there. */
export interface TablePlan {
  readonly name: TableName;
  readonly hooks: readonly HookPlan[];
  /** Replaced by every apply. */
  readonly mains: readonly ChainPlan[];
  /** `PFW-D-…` and `PFW-A-…`: the content follows from the name, so an existing one stays. */
  readonly targets: readonly ChainPlan[];
}

/** The jumps of a table that another plan of it lacks. */
export function hooksBeyond({ hooks }: TablePlan, other: TablePlan): HookPlan[] {
  return hooks.filter((one) => !other.hooks.some(({ hook }) => hook === one.hook));
}

/** One `hash:net` set; a `hash:ip` set where the kernel fills it. */
export interface SetPlan {
  readonly name: string;
  readonly family: Family;
  readonly prefixes: PrefixList;
  /** Whether entries may expire. */
  readonly timeout: boolean;
  /** Only where rules put packets' sources into the set: how these are told apart. */
  readonly sources?: {
    readonly limit: number;
    /** Bits of an address that count; `undefined`: all. */
    readonly mask: number | undefined;
  };
}

/** Everything for one family. */
export interface FamilyPlan {
  readonly family: Family;
  readonly sets: readonly SetPlan[];
  /** The lists that `raw` asks. */
  readonly lists: readonly ListSet[];
  /** The sets that are asked once for each connection, at most. */
  readonly askedOnce: readonly SetPlan[];
  readonly raw: TablePlan;
  readonly filter: TablePlan;
}

/** A policy's marks. */
export interface Generation {
  /** Of connections that it judged. */
  readonly mark: number;
  /** Of those that others judged before, the last one first. */
  readonly earlier: readonly number[];
}

/** Everything that the kernel shall hold. */
export interface KernelPlan {
  /** Marks connections that were judged; `undefined`: each packet is. */
  readonly generation: Generation | undefined;
  readonly families: readonly FamilyPlan[];
}

/** The sets of bans: those whose entries expire and are not the kernel's own. */
export function banSets(plan: KernelPlan): SetPlan[] {
  return plan.families.flatMap(({ sets }) => sets).filter((set) => set.timeout && !set.sources);
}

/** A prefix as `hash:net` takes it: it has no /0, so that is two /1. */
export function netEntries(prefix: Prefix): Prefix[] {
  if (prefix.length > 0) return [prefix];
  return [{ ...prefix, length: 1 }, { ...prefix, length: 1, words: [1 << 31, 0, 0, 0] }];
}

/** The prefixes as `hash:net` takes them, in ascending order. */
export function* setEntries(set: SetPlan): Generator<Prefix> {
  for (const prefix of set.prefixes.prefixes(set.family)) {
    if (prefix.length > 0) yield prefix;
    else yield* netEntries(prefix);
  }
}

/** The same as text, made again each time it is read. */
export function entryTexts(set: SetPlan): Iterable<string> {
  return {
    *[Symbol.iterator]() {
      // A list holds /0 alone or not at all: it would cover every other.
      if (set.family === 4 && set.prefixes.count(4) > 1) yield* textsOf4(set.prefixes);
      else for (const prefix of setEntries(set)) yield formatPrefix(prefix);
    },
  };
}

const LAST_OCTET: readonly string[] = Array.from({ length: 256 }, (_, octet) => `${octet}`);
const OCTET: readonly string[] = LAST_OCTET.map((octet) => `${octet}.`);

/** Twice as fast as `formatPrefix` on an object each: long lists wait for it. */
function* textsOf4({ v4, v4Lengths }: PrefixList): Generator<string> {
  for (let at = 0; at < v4.length; at++) {
    const word = v4[at], length = v4Lengths[at];
    const address = OCTET[word >>> 24] + OCTET[(word >>> 16) & 255] + OCTET[(word >>> 8) & 255] +
      LAST_OCTET[word & 255];
    yield length === 32 ? address : `${address}/${length}`;
  }
}

/** How many entries `setEntries` gives. */
export function entryCount(set: SetPlan): number {
  const count = set.prefixes.count(set.family);
  if (count !== 1) return count;
  return [...setEntries(set)].length;
}

/** Numbers for people: `rules` counts the rules of all our chains, both families. */
export function planSize(plan: KernelPlan): { rules: number; chains: number; entries: number } {
  const tables = plan.families.flatMap((family) => [family.raw, family.filter]);
  const chains = tables.flatMap((table) => [...table.mains, ...table.targets]);
  return {
    rules: chains.reduce((sum, chain) => sum + chain.rules.length, 0),
    chains: chains.length,
    entries: plan.families.flatMap((family) => family.sets)
      .reduce((sum, set) => sum + entryCount(set), 0),
  };
}
