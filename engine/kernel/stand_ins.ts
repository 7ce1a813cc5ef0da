/**
 * Main chains whose content changes while somebody waits. To replace a chain deletes its rules, and
 * nftables lets nobody go on until no processor can see these any more: 10 to 30 milliseconds, for
 * each family in turn. So another chain stands in for it: the first rule of the old one goes there.
 * That only adds; what it makes superfluous is deleted once nobody waits (`settleTable`).
 */
import { isStandIn, standInFor } from "./names.ts";
import { type ChainPlan, hooksBeyond, type TablePlan } from "./plan.ts";
import { renderChainRules, renderDeclaration } from "./render_iptables.ts";
import { isOurs, type SavedChain, type SavedTable, type SavedTables } from "./saved_state.ts";
import { removeJumps, transaction } from "./transition.ts";

/** Whether any chain of the table stands in for another one. */
export function hasStandIns(saved: SavedTable | undefined): boolean {
  return [...saved?.keys() ?? []].some(isStandIn);
}

/**
 * The text for `iptables-restore --noflush` that puts the plan of a table in place by stand-ins.
 *
 * @param held what the table holds, exactly, without stand-ins
 */
export function supersedeTable(plan: TablePlan, held: TablePlan): string {
  const known = new Map([...held.mains, ...held.targets].map((chain) => [chain.name, chain]));
  const added = [...plan.targets, ...plan.mains].filter(({ name }) => !known.has(name));
  const superseded = plan.mains.filter((chain) => {
    const before = known.get(chain.name);
    return before !== undefined && text(chain) !== text(before);
  });
  const chains = [
    ...added,
    ...superseded.map(({ name, rules }): ChainPlan => ({ name: standInFor(name), rules })),
  ];
  return transaction(plan.name, [
    ...chains.map(renderDeclaration),
    ...chains.flatMap(renderChainRules),
    ...superseded.map(({ name }) => `-I ${name} 1 -g ${standInFor(name)}`),
    ...hooksBeyond(plan, held).map(({ hook, chain }) => `-I ${hook} 1 -j ${chain}`),
  ]);
}

/** The rules of a main chain, one a line, without the one that goes to what stands in for it. */
export function withoutQuestion(main: string, rules: string | undefined): string | undefined {
  const [first, ...others] = rules?.split("\n") ?? [];
  return first === `-g ${standInFor(main)}` ? others.join("\n") : rules;
}

function text(chain: ChainPlan): string {
  return renderChainRules(chain).join("\n");
}

/** The tables as packets meet them: what stands in for a chain is that chain. */
export function withoutStandIns(saved: SavedTables): SavedTables {
  return new Map([...saved].map(([name, table]) => [
    name,
    hasStandIns(table) ? resolve(table) : table,
  ]));
}

function resolve(table: SavedTable): SavedTable {
  const resolved = new Map<string, SavedChain>();
  for (const chain of table.values()) {
    if (isStandIn(chain.name)) continue;
    const standIn = table.get(standInFor(chain.name));
    const isSuperseded = standIn && chain.rules[0]?.text === `-g ${standIn.name}`;
    resolved.set(chain.name, isSuperseded ? { ...chain, rules: standIn.rules } : chain);
  }
  return resolved;
}

/**
 * The text that makes the table what the plan says, to the letter: main chains hold their rules
 * themselves, and what nothing shall refer to any more is deleted. Empty where all of it is so.
 *
 * @param saved what the table holds; the plan's jumps and what they lead to do as it says
 */
export function settleTable(plan: TablePlan, saved: SavedTable): string {
  const wanted = new Set([...plan.mains, ...plan.targets].map(({ name }) => name));
  const surplus = [...saved.values()].filter((chain) => isOurs(chain) && !wanted.has(chain.name));
  const mains = hasStandIns(saved) ? plan.mains : [];
  return transaction(plan.name, [
    ...[...mains, ...surplus].map(renderDeclaration),
    ...mains.flatMap(renderChainRules),
    ...removeJumps(plan, saved),
    ...surplus.map(({ name }) => `-X ${name}`),
  ]);
}
