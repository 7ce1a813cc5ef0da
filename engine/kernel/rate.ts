/**
 * The policy's rate limit in the words of `hashlimit`.
 *
 * The kernel drops a packet in silence when its source finds the table of `hashlimit` full: a flood
 * of made-up sources would shut everybody out. So only sources in a set are looked up in the table.
 * Each is in the set for as long as the table remembers it, and the set holds so few that the table
 * cannot become full: whatever is in the table was put into the set within the last two lifetimes
 * and the second until the kernel tidies up, and one lifetime sees at most a full set.
 *
 * A source that finds the set full is not limited until there is room. As looking for room costs
 * the kernel some 40 µs, only so many sources a second are let in. Who opens many connections soon
 * is among them; who opens few needs no limit.
 */
import { ExitCode, PfwError } from "../errors.ts";
import type { Family } from "../net/address.ts";
import type { RateLimit } from "../policy/policy.ts";
import { PrefixList } from "../net/prefix_list.ts";
import type { Match, PlanRule, RatePlan, SetPlan, Target } from "./plan.ts";

const UNITS = [["sec", 1], ["min", 60], ["hour", 3600], ["day", 86400]] as const;

/** `XT_HASHLIMIT_BURST_MAX` of linux/netfilter/xt_hashlimit.h. */
const MAX_BURST = 1_000_000;
/** The kernel counts credit for at most a day. */
const MAX_SECONDS = 86_400;
/** Larger amounts do not fit the integer that iptables reads. */
const MAX_AMOUNT = 2 ** 31 - 1;

/** Sources that are followed at once: with the table they take at most 36 MB of the kernel. */
const FOLLOWED = 65_536;
/** New sources a second, and at once. The kernel's `limit` takes at most 10,000. */
const FOLLOWED_EACH_SECOND = 1_000, FOLLOWED_AT_ONCE = 10_000;
/** More than three times as many; see above. */
const TABLE_ENTRIES = 4 * FOLLOWED;

/**
 * `connections / seconds` as whole connections in the shortest unit that holds it exactly; where
 * none does, as many a day as come nearest.
 *
 * The table's name carries the limit: the kernel goes on using a table, limit and all, for every
 * rule that names it, so another limit under the same name would change nothing.
 *
 * @throws PfwError for a limit that the kernel cannot count
 */
export function compileRate(limit: RateLimit, family: Family): RatePlan {
  const { connections, seconds } = limit;
  if (!(connections >= 1 && connections <= MAX_BURST && seconds > 0 && seconds <= MAX_SECONDS)) {
    throw new PfwError(
      `cannot limit to ${connections} connections in ${seconds} s`,
      `the kernel counts 1 to ${MAX_BURST} connections in at most ${MAX_SECONDS} s`,
      "change rate_limit",
      ExitCode.usage,
    );
  }
  const { unit, amount } = exactRate(connections, seconds);
  return {
    table: `pfw-rate${family}-${Math.round(connections)}-${seconds}s`,
    amount,
    unit,
    burst: Math.round(connections),
    expire: Math.ceil(seconds * 1000),
    sourceMask: family === 4 ? undefined : 64,
    entries: TABLE_ENTRIES,
  };
}

/** The rules that drop what is above the limit; `block` is where that goes. */
export function rateRules(rate: RatePlan, block: Target): PlanRule[] {
  const set = rate.table;
  const isNew: Match = { kind: "state", states: ["NEW"] };
  return [
    {
      matches: [
        isNew,
        { kind: "set", set, side: "src", isNegated: true },
        { kind: "packets_below", perSecond: FOLLOWED_EACH_SECOND, burst: FOLLOWED_AT_ONCE },
      ],
      target: { kind: "follow", set, seconds: Math.ceil(rate.expire / 1000) },
    },
    {
      matches: [isNew, { kind: "set", set, side: "src" }, { kind: "rate_above", rate }],
      target: block,
    },
  ];
}

/** The set of the sources that are followed. */
export function rateSet(rate: RatePlan, family: Family): SetPlan {
  return {
    name: rate.table,
    family,
    prefixes: PrefixList.EMPTY,
    timeout: true,
    sources: { limit: FOLLOWED, mask: rate.sourceMask },
  };
}

function exactRate(connections: number, seconds: number): Pick<RatePlan, "unit" | "amount"> {
  let nearest: Pick<RatePlan, "unit" | "amount"> = { unit: "sec", amount: 1 };
  for (const [unit, length] of UNITS) {
    const amount = (connections * length) / seconds;
    if (amount > MAX_AMOUNT) break;
    if (Number.isInteger(amount)) return { unit, amount };
    nearest = { unit, amount: Math.max(1, Math.round(amount)) };
  }
  return nearest;
}
