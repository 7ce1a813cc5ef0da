/** What in the kernel enforces a verdict: the kernel is asked, not the plan. */
import { formatPrefix, type Prefix } from "../net/address.ts";
import type { Step } from "../policy/trail.ts";
import type { ReasonCode } from "../policy/verdict.ts";
import type { Commands } from "./command.ts";
import { allowChain, dropChain, type ListSet, listSetName } from "./names.ts";
import { TABLES } from "./plan.ts";
import type { SavedTables } from "./saved_state.ts";

/** One thing in the kernel. */
export interface KernelEvidence {
  /** The set that is asked, where the verdict is by a list. */
  readonly set?: string;
  /** Whether the kernel says that the set holds the address. */
  readonly isInSet?: boolean;
  /** The chain that drops, or counts what is let through; absent where ours says nothing. */
  readonly chain?: string;
  /** Where it stands, e.g. `raw, filter`; empty when it is not there. */
  readonly tables: readonly string[];
  /** What the chain counted since the kernel has it. */
  readonly packets: number;
  readonly bytes: number;
}

const SET_OF: Partial<Record<ReasonCode, ListSet>> = {
  whitelist: "white",
  blacklist: "black",
  ban: "ban",
  threat: "threat",
};

/**
 * What enforces the step that decides.
 *
 * @param tables of the address's family, as the kernel has them
 */
export async function findEvidence(
  commands: Commands,
  tables: SavedTables,
  { code, action, rule }: Step,
  address: Prefix,
): Promise<KernelEvidence> {
  const list = SET_OF[code];
  const set = list && listSetName(list, address.family);
  const chain = chainOf(code, action, rule?.id);
  return {
    ...(set && { set, isInSet: await isInSet(commands, set, address) }),
    ...(chain !== undefined && { chain }),
    ...(chain === undefined ? { tables: [], packets: 0, bytes: 0 } : countsOf(tables, chain)),
  };
}

/** A whitelisted packet, and one that the default policy allows, meets no chain with a counter. */
function chainOf(code: ReasonCode, action: string, ruleId: string | undefined) {
  if (action === "block") return dropChain(code, ruleId);
  return ruleId === undefined ? undefined : allowChain(ruleId);
}

async function isInSet(commands: Commands, set: string, address: Prefix): Promise<boolean> {
  const { status } = await commands.run(["ipset", "-q", "test", set, formatPrefix(address)]);
  return status === 0;
}

/** The last rule of such a chain drops or lets through: that one's counter is the chain's. */
function countsOf(tables: SavedTables, name: string) {
  const found: string[] = [];
  let packets = 0, bytes = 0;
  for (const table of TABLES) {
    const last = tables.get(table)?.get(name)?.rules.at(-1);
    if (!last) continue;
    found.push(table);
    packets += last.packets;
    bytes += last.bytes;
  }
  return { tables: found, packets, bytes };
}
