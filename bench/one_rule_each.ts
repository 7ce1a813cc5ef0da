/**
 * The old way of blocking a list: for every address and chain one `iptables -C` to see whether the
 * rule is there, and one `iptables -A`. Measured on a few hundred addresses at several lengths of
 * the chain, since each call reads the whole table; the rest is the sum of the line through them.
 */
import { createPair, type NetworkNamespace } from "../tests/support/netns.ts";
import { median, type Series } from "./harness.ts";

const CHAINS = ["INPUT", "OUTPUT"] as const;

/** Rules that are there already, in each chain, and how many addresses are then added by hand. */
const LENGTHS = [0, 1_000, 4_000], ADDED = 500, ADDED_QUICKLY = 10;

/** What it would take. */
export interface OldWay {
  readonly seconds: number;
  readonly series: readonly Series[];
  readonly note: string;
}

/** Measures and extrapolates. */
export async function ruleForEachAddress(
  addresses: readonly string[],
  isQuick: boolean,
): Promise<OldWay> {
  const added = isQuick ? ADDED_QUICKLY : ADDED;
  const costs: number[][] = [];
  for (const length of LENGTHS) {
    await using link = await createPair();
    await preload(link.local, addresses.slice(0, length));
    const some = addresses.slice(length, length + Math.ceil(added / LENGTHS.length));
    costs.push(await addOneByOne(link.local, some));
  }
  const points = costs.map((cost, at) => ({ length: LENGTHS[at], cost: median(cost) }));
  const { base, slope } = line(points);
  const count = addresses.length;
  return {
    // The sum of base + slope * length over all lengths of the chain.
    seconds: base * count + slope * count * (count - 1) / 2,
    series: costs.map((cost, at) => ({
      name: `one address, ${LENGTHS[at].toLocaleString("en-US")} rules in each chain`,
      unit: "ms",
      values: cost.map((seconds) => 1000 * seconds),
    })),
    note: `The old way was measured on ${added} addresses, at chains of ` +
      `${LENGTHS.map((length) => length.toLocaleString("en-US")).join(", ")} rules, and is ` +
      "extrapolated by the straight line through the medians.",
  };
}

/** Rules as the old way would have made them, at once. */
async function preload(namespace: NetworkNamespace, addresses: readonly string[]): Promise<void> {
  const rules = addresses.flatMap((address) => [
    `-A INPUT -s ${address} -j DROP`,
    `-A OUTPUT -d ${address} -j DROP`,
  ]);
  const text = `*filter\n${rules.join("\n")}\nCOMMIT\n`;
  await namespace.commands.run(["iptables-restore"], text);
}

/** Seconds that each address took. */
async function addOneByOne(
  namespace: NetworkNamespace,
  addresses: readonly string[],
): Promise<number[]> {
  const seconds: number[] = [];
  for (const address of addresses) {
    const started = performance.now();
    for (const chain of CHAINS) {
      const rule = [chain, chain === "INPUT" ? "-s" : "-d", address, "-j", "DROP"];
      const { status } = await namespace.commands.run(["iptables", "-C", ...rule]);
      if (status !== 0) await namespace.run(["iptables", "-A", ...rule]);
    }
    seconds.push((performance.now() - started) / 1000);
  }
  return seconds;
}

/** The straight line with the least squares. */
function line(points: readonly { length: number; cost: number }[]) {
  const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const x = mean(points.map(({ length }) => length)), y = mean(points.map(({ cost }) => cost));
  const above = points.reduce((sum, { length, cost }) => sum + (length - x) * (cost - y), 0);
  const below = points.reduce((sum, { length }) => sum + (length - x) ** 2, 0);
  const slope = Math.max(0, above / below);
  return { base: y - slope * x, slope };
}
