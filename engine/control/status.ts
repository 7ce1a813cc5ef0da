/** What the running pfw says of itself; the JSON of `status` and `stats`. */
import type { FeedState } from "../../intel/feed.ts";
import type { DriftReport } from "../kernel_guard.ts";
import type { Lifelines } from "../net/lifelines.ts";
import type { Inspection } from "../kernel/enforcer.ts";
import type { LossesSnapshot } from "../observe/losses.ts";
import type { TotalsSnapshot } from "../observe/totals.ts";
import type { Policy } from "../policy/policy.ts";
import type { KernelCounters } from "../kernel/counters.ts";
import type { RuleHits } from "./client.ts";

/** Enforcing in the kernel, or only looking on. */
export type Mode = "enforce" | "monitor";

/** Answer of `GET /stats`. */
export interface RunningStats {
  /** ISO 8601 UTC. */
  readonly since: string;
  readonly mode: Mode;
  readonly totals: TotalsSnapshot;
  readonly losses: LossesSnapshot;
}

/** Answer of `GET /lifelines`. */
export interface RunningLifelines extends Lifelines {
  /** Only what is enforced can be cut. */
  readonly mode: Mode;
  readonly config: string;
  readonly dataDir: string;
}

/** A device that is watched. */
export interface DeviceStatus {
  readonly name: string;
  readonly open: boolean;
  readonly received: number;
  readonly droppedByRing: number;
  readonly droppedByInterface: number;
}

/** The policy in figures. */
export interface PolicyStatus {
  readonly defaultAction: string;
  readonly rules: number;
  readonly whitelist: number;
  readonly blacklist: number;
  readonly bans: number;
  readonly threats: number;
  /** `100 per 10 s`, or `off`. */
  readonly rateLimit: string;
}

/** Answer of `GET /status`. */
export interface RunningStatus extends RunningStats {
  readonly running: true;
  readonly version: string;
  readonly pid: number;
  readonly config: string;
  readonly policy: PolicyStatus;
  /** Threat feeds, also those that are off. */
  readonly feeds?: readonly FeedState[];
  /** Bans in force. */
  readonly bans?: number;
  readonly devices: readonly DeviceStatus[];
  /** Absent while only looking on. */
  readonly kernel?: Inspection;
  readonly drift?: DriftReport;
  readonly database: { readonly path: string; readonly fault: string | null };
  /** Where the web page is open, without its token; null while it is not. */
  readonly dashboard: string | null;
  /** Bytes resident. */
  readonly memory: number;
}

/** A policy in figures. */
export function describePolicy(policy: Policy): PolicyStatus {
  const { defaultAction, rules, whitelist, blacklist, bans, threats, rateLimit } = policy;
  return {
    defaultAction,
    rules: rules.length,
    whitelist: whitelist.size,
    blacklist: blacklist.size,
    bans: bans.size,
    threats: threats.size,
    rateLimit: rateLimit ? `${rateLimit.connections} per ${rateLimit.seconds} s` : "off",
  };
}

/** A policy in one line. */
export function summarizePolicy({ defaultAction, rules, blacklist, whitelist }: Policy): string {
  const count = (number: number) => number.toLocaleString("en-US");
  return `default ${defaultAction}, ${count(rules.length)} rule${rules.length === 1 ? "" : "s"}, ` +
    `black ${count(blacklist.size)}, white ${count(whitelist.size)}`;
}

/** What the kernel counted for each rule. */
export function hitsOfRules({ drops, allows }: KernelCounters): RuleHits[] {
  return [...drops, ...allows].flatMap(({ ruleId, packets, bytes }) =>
    ruleId === undefined ? [] : [{ id: ruleId, packets, bytes }]
  );
}
