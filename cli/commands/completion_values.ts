/**
 * Values that only this machine knows: rule numbers, interfaces, addresses, feeds. Everything here
 * only reads, takes no lock, and gives up soon: somebody waits with a finger on the Tab key.
 */
import type { BansAnswer } from "../../engine/control/intel_control.ts";
import { type Paths, resolvePaths } from "../../engine/paths.ts";
import type { Config } from "../../engine/policy/schema.ts";
import type { Candidate, Wanted } from "./completion_words.ts";

/** Where the values of an argument come from. */
type Source = (paths: Paths) => Promise<Candidate[]> | Candidate[];

/** By command and argument as `Wanted.values` names them. */
export const SOURCES: Readonly<Record<string, Source>> = {
  "start <interface>": interfaces,
  "rules remove <number>": rules,
  "rules toggle <number>": rules,
  "rules move <from>": rules,
  "rules move <to>": rules,
  "remove <number>": rules,
  "toggle <number>": rules,
  "blacklist remove <address>": fromConfig(({ blacklist_ips }) => named(blacklist_ips)),
  "whitelist remove <address>": fromConfig(({ whitelist_ips }) => named(whitelist_ips)),
  "bans remove <address>": bans,
  "threats feeds enable <name>": feedsToEnable,
  "threats feeds disable <name>": feeds((isEnabled) => isEnabled),
  "threats feeds remove <name>": feeds(() => true),
  "threats update <name>": feeds((isEnabled) => isEnabled),
  "logs --reason": reasons,
};

/** The values that fit; none where they cannot be had. */
export async function valuesFor({ values, given, global }: Wanted): Promise<Candidate[]> {
  const source = values === undefined ? undefined : SOURCES[values];
  if (!source) return [];
  const found = await source(resolvePaths(global));
  return found.filter(({ value }) => !given.includes(value));
}

/** A larger configuration takes longer to read than anybody waits for a word. */
const LARGEST_CONFIG = 4 * 1024 * 1024;

function fromConfig(pick: (config: Config) => Candidate[]): Source {
  return async ({ config: file }) => {
    if ((await Deno.stat(file)).size > LARGEST_CONFIG) return [];
    const { readConfigFile } = await import("../../engine/policy/config_file.ts");
    return pick((await readConfigFile(file)).config);
  };
}

function named(values: readonly string[]): Candidate[] {
  return values.map((value) => ({ value }));
}

function rules(paths: Paths): Promise<Candidate[]> | Candidate[] {
  return fromConfig((config) =>
    config.rules.map(({ name, action, enabled }, at) => ({
      value: String(at + 1),
      description: `${action}: ${name}${enabled ? "" : " (off)"}`,
    }))
  )(paths);
}

function interfaces(): Candidate[] {
  const names = Array.from(Deno.readDirSync("/sys/class/net"), ({ name }) => name).sort();
  return named(names.filter((name) => name !== "bonding_masters"));
}

/** The list of bans is the running pfw's. */
async function bans(paths: Paths): Promise<Candidate[]> {
  const { isThere } = await import("../../engine/control/connect.ts");
  // Nobody who presses a key waits until a pfw has started.
  if (!isThere(paths.socket)) return [];
  const { ask } = await import("../../engine/control/client.ts");
  const answer = await ask<BansAnswer>(paths, "GET", "/bans");
  if (answer?.status !== 200) return [];
  return answer.body.bans.map(({ address, reason }) => ({ value: address, description: reason }));
}

/** Feeds of the configuration. */
function feeds(isWanted: (isEnabled: boolean) => boolean): Source {
  return fromConfig(({ threat_feeds }) =>
    threat_feeds.filter(({ enabled }) => isWanted(enabled))
      .map(({ name, url }) => ({ value: name, description: url }))
  );
}

/** What is configured and off, and what pfw knows by name and is not configured. */
async function feedsToEnable(paths: Paths): Promise<Candidate[]> {
  const { FEED_CATALOGUE } = await import("../../intel/feed_catalogue.ts");
  const configured = await feeds(() => true)(paths);
  const known = FEED_CATALOGUE.filter(({ name }) => !configured.some(({ value }) => value === name))
    .map(({ name, description }) => ({ value: name, description }));
  return [...await feeds((isEnabled) => !isEnabled)(paths), ...known];
}

async function reasons(): Promise<Candidate[]> {
  const { REASONS } = await import("../../engine/policy/verdict.ts");
  return named(REASONS);
}
