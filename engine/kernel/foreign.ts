/**
 * Who else has a say: rules of other programs that a packet meets before ours, which may drop it
 * first, and after ours, which may drop what ours let pass.
 */
import {
  ourChainIn,
  type SavedChain,
  type SavedRule,
  type SavedTables,
  targetOf,
} from "./saved_state.ts";

/** Where a packet comes by, in order (iptables(8), TABLES), as far as a packet can be dropped there. */
const WAYS = {
  in: [
    ["raw", "PREROUTING"],
    ["mangle", "PREROUTING"],
    ["nat", "PREROUTING"],
    ["mangle", "INPUT"],
    ["filter", "INPUT"],
    ["security", "INPUT"],
    ["nat", "INPUT"],
  ],
  out: [
    ["raw", "OUTPUT"],
    ["mangle", "OUTPUT"],
    ["nat", "OUTPUT"],
    ["filter", "OUTPUT"],
    ["security", "OUTPUT"],
    ["mangle", "POSTROUTING"],
    ["nat", "POSTROUTING"],
  ],
} as const;

/** What stands before and after the place where ours decides, a line each; empty: nobody. */
export interface Foreign {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/**
 * Looks for others on the way of a packet.
 *
 * @param decidesIn the table in which ours decides: `raw` for lists, `filter` for all else
 */
export function findForeign(
  tables: SavedTables,
  direction: "in" | "out",
  decidesIn: "raw" | "filter",
): Foreign {
  const before: string[] = [], after: string[] = [];
  let isPast = false;
  for (const [table, hook] of WAYS[direction]) {
    const chains = tables.get(table);
    const chain = chains?.get(hook);
    if (!chains || !chain) continue;
    const place = `${table}/${hook}`;
    const ours = table === decidesIn
      ? chain.rules.findIndex((rule) => ourChainIn(rule) !== undefined)
      : -1;
    const [first, rest] = ours < 0
      ? [isPast ? [] : chain.rules, isPast ? chain.rules : []]
      : [chain.rules.slice(0, ours), chain.rules.slice(ours + 1)];
    before.push(...droppers(chains, first, place));
    after.push(...droppers(chains, rest, place));
    if (ours >= 0) isPast = true;
    if (chain.policy === "DROP" && (isPast || table !== decidesIn)) {
      (isPast ? after : before).push(`${place} drops what no rule of it accepts`);
    }
  }
  return { before, after };
}

/** Rules of others that can drop, directly or in a chain that they lead to. */
function droppers(
  chains: ReadonlyMap<string, SavedChain>,
  rules: readonly SavedRule[],
  place: string,
) {
  return rules.filter((rule) => ourChainIn(rule) === undefined && canDrop(chains, rule, new Set()))
    .map((rule) => `${place}: ${rule.text}`);
}

function canDrop(
  chains: ReadonlyMap<string, SavedChain>,
  rule: SavedRule,
  visited: Set<string>,
): boolean {
  const target = targetOf(rule.text);
  if (target === undefined) return false;
  if (/^(DROP|REJECT|TARPIT|QUEUE|NFQUEUE)$/.test(target)) return true;
  const chain = chains.get(target);
  if (!chain || visited.has(target)) return false;
  visited.add(target);
  return chain.rules.some((next) => canDrop(chains, next, visited));
}
