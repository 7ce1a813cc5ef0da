/** The running firewall at a glance: its state, its configuration, and what waits. */
import type { KernelCounters } from "../kernel/counters.ts";
import { isIcmpBlocked } from "../policy/edit_icmp.ts";
import { ruleIds } from "../policy/rule_id.ts";
import type { Config, ConfigRule } from "../policy/schema.ts";
import type { PendingView } from "./config_edits.ts";
import { hitsOfRules, type RunningStatus } from "./status.ts";

/** Answer of `GET /overview`. */
export interface Overview {
  readonly status: RunningStatus;
  readonly config: ConfigView;
  /** A change that returns unless it is confirmed. */
  readonly pending: PendingView | null;
}

/** The configuration, as far as a page shows it. */
export interface ConfigView {
  readonly default_policy: "allow" | "block";
  readonly rules: readonly RuleView[];
  readonly whitelist: ListHead;
  readonly blacklist: ListHead;
  readonly rate_limit: Config["rate_limit"];
  /** Whether the first rule that speaks of all incoming ICMP blocks it. */
  readonly icmpBlocked: boolean;
}

/** A part of a list, and how many entries there are. */
export interface ListHead {
  /** Entries of the whole list; of those that match, where something is searched for. */
  readonly total: number;
  readonly offset: number;
  readonly entries: readonly string[];
}

/** A rule with what the kernel counted for it since it was put there. */
export interface RuleView {
  /** As `pfw rules list` shows it, from 1. */
  readonly number: number;
  /** Over what the rule says: a change names it, so that nobody changes another rule by mistake. */
  readonly id: string;
  readonly rule: ConfigRule;
  /** 0 while nothing is enforced. */
  readonly packets: number;
  readonly bytes: number;
}

/** Entries of a list in one answer. */
export const LIST_PAGE = 200;

/** A part of a list, 200 entries long. */
export function listHead(entries: readonly string[], search = "", offset = 0): ListHead {
  const wanted = search === ""
    ? entries
    : entries.filter((entry) => entry.includes(search.toLowerCase()));
  return { total: wanted.length, offset, entries: wanted.slice(offset, offset + LIST_PAGE) };
}

/** @param counters absent while nothing is enforced */
export function configView(config: Config, counters: KernelCounters | undefined): ConfigView {
  const ids = ruleIds(config.rules);
  const hits = new Map((counters ? hitsOfRules(counters) : []).map((one) => [one.id, one]));
  return {
    default_policy: config.default_policy,
    rules: config.rules.map((rule, at) => {
      const { packets = 0, bytes = 0 } = hits.get(ids[at]) ?? {};
      return { number: at + 1, id: ids[at], rule, packets, bytes };
    }),
    whitelist: listHead(config.whitelist_ips),
    blacklist: listHead(config.blacklist_ips),
    rate_limit: config.rate_limit,
    icmpBlocked: isIcmpBlocked(config),
  };
}
