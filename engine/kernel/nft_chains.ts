/**
 * Base chains that other programs made with nftables itself: iptables does not show them, and with
 * an earlier priority they decide before ours.
 */
import { findProgram } from "../packages.ts";
import type { Commands } from "./command.ts";

/** Priorities of iptables' tables at every hook (nft(8), "standard priority names"). */
const PRIORITY = { raw: -300, filter: 0 } as const;

/** Tables that iptables itself makes of its own. */
const OF_IPTABLES = /^(raw|mangle|nat|filter|security)$/;

const HOOKS = { in: ["prerouting", "input"], out: ["output"] } as const;

interface NftChain {
  readonly family?: string;
  readonly table?: string;
  readonly name?: string;
  readonly hook?: string;
  readonly prio?: number;
}

/** Such chains that come before ours, a line each; empty also where there is no `nft` to ask. */
export async function findNftChains(
  commands: Commands,
  direction: "in" | "out",
  decidesIn: keyof typeof PRIORITY,
): Promise<string[]> {
  if (findProgram("nft") === undefined) return [];
  const { status, stdout } = await commands.run(["nft", "-j", "list", "chains"]);
  return status === 0 ? chainsBefore(stdout, direction, decidesIn) : [];
}

/** The same, of what `nft -j list chains` printed (libnftables-json(5)). */
export function chainsBefore(
  json: string,
  direction: "in" | "out",
  decidesIn: keyof typeof PRIORITY,
): string[] {
  return readChains(json).filter(({ family, table, hook, prio }) =>
    hook !== undefined && (HOOKS[direction] as readonly string[]).includes(hook) &&
    !((family === "ip" || family === "ip6") && OF_IPTABLES.test(table ?? "")) &&
    Number(prio ?? 0) < PRIORITY[decidesIn]
  ).map(({ family, table, name, prio }) =>
    `nftables: chain ${name} of table ${family} ${table}, priority ${prio}`
  );
}

function readChains(json: string): NftChain[] {
  try {
    const { nftables } = JSON.parse(json) as { nftables?: { chain?: NftChain }[] };
    return (nftables ?? []).flatMap(({ chain }) => chain ? [chain] : []);
  } catch {
    return [];
  }
}
