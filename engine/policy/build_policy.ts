/** Configuration to policy: texts to typed arrays, once. */
import { PrefixList } from "../net/prefix_list.ts";
import { prefixesOf } from "./long_list.ts";
import type { Policy, PolicyRule } from "./policy.ts";
import { mergePorts, ruleIds } from "./rule_id.ts";
import type { Config, ConfigRule } from "./schema.ts";

/** What decides about packets and does not stand in the configuration. */
export interface DynamicLists {
  readonly bans?: PrefixList;
  readonly threats?: PrefixList;
}

/** The policy that a checked configuration means; it keeps nothing of the configuration alive. */
export function buildPolicy(config: Config, lists: DynamicLists = {}): Policy {
  const ids = ruleIds(config.rules);
  const { enabled, connections, seconds } = config.rate_limit;
  return {
    defaultAction: config.default_policy,
    rules: config.rules.flatMap((rule, at) => rule.enabled ? [buildRule(rule, at, ids[at])] : []),
    whitelist: prefixesOf(config.whitelist_ips),
    blacklist: prefixesOf(config.blacklist_ips),
    bans: lists.bans ?? PrefixList.EMPTY,
    threats: lists.threats ?? PrefixList.EMPTY,
    rateLimit: enabled ? { connections, seconds } : undefined,
  };
}

function buildRule(rule: ConfigRule, at: number, id: string): PolicyRule {
  return {
    number: at + 1,
    id,
    name: rule.name,
    action: rule.action,
    protocol: rule.protocol,
    ports: mergePorts(rule.ports),
    sources: PrefixList.parse(rule.source_ips),
    destinations: PrefixList.parse(rule.destination_ips),
    direction: rule.direction,
  };
}
