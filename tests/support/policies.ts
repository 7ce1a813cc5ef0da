/** Policies for tests, from few words. */
import { createHash } from "node:crypto";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { EMPTY_POLICY, type Policy, type PolicyRule } from "../../engine/policy/policy.ts";

/** A rule that blocks everything, with changes. */
export function rule(
  change: Partial<Omit<PolicyRule, "sources" | "destinations">> & {
    sources?: string[];
    destinations?: string[];
  } = {},
): PolicyRule {
  const id = createHash("sha256").update(JSON.stringify(change)).digest("hex").slice(0, 8);
  return {
    number: 1,
    id,
    name: "test",
    action: "block",
    protocol: "any",
    ports: [],
    direction: "both",
    ...change,
    sources: PrefixList.parse(change.sources ?? []),
    destinations: PrefixList.parse(change.destinations ?? []),
  };
}

/** One port or a range, as rules hold them. */
export function ports(...list: (number | [first: number, last: number])[]) {
  return list.map((port) => {
    const [first, last] = typeof port === "number" ? [port, port] : port;
    return { first, last };
  });
}

/** The empty policy with changes; lists as text. */
export function policy(
  change: Partial<Omit<Policy, "whitelist" | "blacklist" | "bans" | "threats">> & {
    whitelist?: string[];
    blacklist?: string[];
    bans?: string[];
    threats?: string[];
  } = {},
): Policy {
  const { whitelist = [], blacklist = [], bans = [], threats = [], ...rest } = change;
  return {
    ...EMPTY_POLICY,
    ...rest,
    whitelist: PrefixList.parse(whitelist),
    blacklist: PrefixList.parse(blacklist),
    bans: PrefixList.parse(bans),
    threats: PrefixList.parse(threats),
  };
}
