/**
 * What other programs made with nftables itself, and iptables does not show: base chains that decide
 * before ours, by an earlier priority, and rules that use marks of connections.
 */
import { findProgram } from "../packages.ts";
import type { Commands } from "./command.ts";
import { isOurs } from "./saved_state.ts";

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
    !isOfIptables({ family, table }) && Number(prio ?? 0) < PRIORITY[decidesIn]
  ).map(({ family, table, name, prio }) =>
    `nftables: chain ${name} of table ${family} ${table}, priority ${prio}`
  );
}

function readChains(json: string): NftChain[] {
  return (readObjects(json) ?? []).flatMap(({ chain }) => chain ? [chain] : []);
}

/**
 * Whether another's rule uses marks of connections, of what `nft -j list ruleset` printed; `undefined`
 * where that cannot be read.
 */
export function usesConnectionMarks(json: string): boolean | undefined {
  return readObjects(json)?.some(({ rule }) =>
    rule !== undefined && !isOurs({ name: rule.chain ?? "" }) &&
    /"ct":\{"key":"mark"|"name":"connmark"/i.test(JSON.stringify(rule.expr ?? ""))
  );
}

function isOfIptables({ family, table }: { family?: string; table?: string }): boolean {
  return (family === "ip" || family === "ip6") && OF_IPTABLES.test(table ?? "");
}

interface NftObject {
  readonly chain?: NftChain;
  readonly rule?: { readonly chain?: string; readonly expr?: unknown };
}

function readObjects(json: string): NftObject[] | undefined {
  try {
    return (JSON.parse(json) as { nftables?: NftObject[] }).nftables;
  } catch {
    return undefined;
  }
}
