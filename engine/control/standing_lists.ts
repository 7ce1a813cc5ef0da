/**
 * What decides beside the configuration while no pfw runs: the last good copies of the threat feeds
 * and the bans in the database.
 */
import type { BanView } from "../bans/ban.ts";
import { offlineBans } from "../bans/offline_bans.ts";
import { findLifelines, findNetworkLifelines, protectedAddresses } from "../net/lifelines.ts";
import { ownEndTowards } from "../net/own_end.ts";
import { parsePrefix, type Prefix } from "../net/address.ts";
import { covers, PrefixList } from "../net/prefix_list.ts";
import { feedCacheOf, type Paths } from "../paths.ts";
import { buildPolicy } from "../policy/build_policy.ts";
import { loadConfig } from "../policy/config_file.ts";
import type { Config } from "../policy/schema.ts";
import { ThreatList } from "../../intel/threat_list.ts";
import type { ExplainFacts } from "./explain.ts";
import { feedManagerOf } from "./standing_feeds.ts";

/** The threats that a running pfw would enforce with this configuration, from the cache. */
export async function standingThreats(paths: Paths, config: Config): Promise<ThreatList> {
  const manager = feedManagerOf(config, feedCacheOf(paths.dataDir));
  await manager.load();
  const threats = ThreatList.merge(manager.contents(), protectedAddresses(findLifelines()));
  await manager.stop();
  return threats;
}

/** What `explain` needs, where no pfw runs: nothing is enforced then. */
export async function standingFacts(paths: Paths): Promise<ExplainFacts> {
  const { config } = await loadConfig(paths);
  const threats = await standingThreats(paths, config);
  const bans = offlineBans(paths.database);
  const policy = buildPolicy(config, {
    threats: threats.list,
    bans: PrefixList.parse(bans.map(({ address }) => address)),
  });
  return {
    policy,
    own: findNetworkLifelines().own,
    ownEnd: ownEndTowards,
    banOf: (address) => bans.find((ban) => holds(ban, address)),
    listingsOf: (address) => threats.listings(address),
    commands: undefined,
  };
}

function holds(ban: BanView, address: Prefix): boolean {
  const prefix = parsePrefix(ban.address);
  return prefix !== undefined && covers(prefix, address);
}
