/**
 * The text for `iptables-restore --noflush` that leads from what the kernel holds to what it
 * shall hold. Each table is one transaction; nothing but what is ours is named.
 */
import { chainMatches, type ExactTexts, exactTexts, hookInPlace, surplusJumps } from "./compare.ts";
import { type ChainPlan, type HookPlan, hooksBeyond, type TablePlan } from "./plan.ts";
import { renderChainRules, renderDeclaration } from "./render_iptables.ts";
import {
  isOurs,
  ourChainIn,
  type SavedChain,
  type SavedTable,
  type SavedTables,
} from "./saved_state.ts";

/**
 * Puts the plan of one table in place.
 *
 * Main chains are replaced whole. A chain `PFW-D-…` or `PFW-A-…` that already holds what it shall
 * is not even named: declaring it would empty it, and its counter would start again.
 *
 * @param known how the kernel told such chains when they were written, where that is known
 */
export function switchTable(
  plan: TablePlan,
  saved: SavedTable | undefined,
  known: ExactTexts = new Map(),
): string {
  const now = exactTexts(saved);
  const targets = plan.targets.filter((chain) => {
    const there = saved?.get(chain.name), text = known.get(chain.name);
    return !there || !chainMatches(chain, there) ||
      (text !== undefined && text !== now.get(chain.name));
  });
  const chains: ChainPlan[] = [...targets, ...plan.mains];
  return transaction(plan.name, [
    ...chains.map(renderDeclaration),
    ...chains.flatMap(renderChainRules),
    ...plan.hooks.flatMap((hook) => hookLines(hook, saved)),
    ...removeJumps(plan, saved),
  ]);
}

/** Whether two plans of a table put the same in place. */
export function isSameTable(a: TablePlan, b: TablePlan): boolean {
  return switchTable(a, undefined) === switchTable(b, undefined);
}

/**
 * The same where what `now` says is in place, and of the plan all but the rules of the main chains.
 * Chains that nothing leads to any more stay.
 */
export function replaceMains(plan: TablePlan, now: TablePlan): string {
  return transaction(plan.name, [
    ...plan.mains.map(renderDeclaration),
    ...plan.mains.flatMap(renderChainRules),
    ...hooksBeyond(now, plan).map(({ hook, chain }) => `-D ${hook} -j ${chain}`),
  ]);
}

/** Takes out the rules that lead to chains of ours without need, so that these can be deleted. */
export function removeJumps(plan: TablePlan, saved: SavedTable | undefined): string[] {
  return surplusJumps(plan, saved).map(([hook, text]) => `-D ${hook} ${text}`);
}

/** Old jumps go and the new one comes in the same transaction, so none is ever missing. */
function hookLines(hook: HookPlan, saved: SavedTable | undefined): string[] {
  if (hookInPlace(hook, saved)) return [];
  const old = (saved?.get(hook.hook)?.rules ?? []).filter(ourChainIn);
  return [
    ...old.map((rule) => `-D ${hook.hook} ${rule.text}`),
    `-I ${hook.hook} 1 -j ${hook.chain}`,
  ];
}

/**
 * Makes our part of every table in `now` what it is in `target`: how a failed change is undone,
 * and, with an empty target, how everything is removed. Tables that hold nothing to change are
 * left out; the text is empty when there are no others.
 */
export function revert(now: SavedTables, target: SavedTables): string {
  // Against the order of a change: what `filter` blocks must not wait for `raw`.
  return [...now].reverse().map(([name, table]) =>
    revertTable(name, table, target.get(name) ?? new Map())
  ).join("");
}

function revertTable(name: string, now: SavedTable, target: SavedTable): string {
  const ours = [...now.values()].filter(isOurs);
  const wanted = [...target.values()].filter(isOurs);
  const surplus = ours.filter((chain) => !target.has(chain.name));
  const changed = wanted.filter((chain) => !sameRules(chain, now.get(chain.name)));
  return transaction(name, [
    ...[...changed, ...surplus].map(renderDeclaration),
    ...changed.flatMap((chain) => chain.rules.map((rule) => `-A ${chain.name} ${rule.text}`)),
    ...[...now.values()].filter((chain) => !isOurs(chain))
      .flatMap((chain) => revertJumps(chain, target.get(chain.name))),
    ...surplus.map((chain) => `-X ${chain.name}`),
  ]);
}

function revertJumps(now: SavedChain, target: SavedChain | undefined): string[] {
  const before = jumps(now), after = target ? jumps(target) : [];
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [
    ...before.map(([, text]) => `-D ${now.name} ${text}`),
    ...after.map(([position, text]) => `-I ${now.name} ${position} ${text}`),
  ];
}

/** Rules of a chain that is not ours which lead to ours, with their positions from 1. */
function jumps(chain: SavedChain): [position: number, text: string][] {
  return chain.rules.flatMap((rule, at) =>
    ourChainIn(rule) ? [[at + 1, rule.text] as [number, string]] : []
  );
}

function sameRules(a: SavedChain, b: SavedChain | undefined): boolean {
  return b !== undefined && a.rules.length === b.rules.length &&
    a.rules.every((rule, at) => rule.text === b.rules[at].text);
}

/** The same tables without these chains of ours, and without the rules that lead to them. */
export function withoutChains(
  saved: SavedTables,
  unwanted: (table: string, chain: SavedChain) => boolean,
): SavedTables {
  const kept = new Map<string, SavedTable>();
  for (const [name, table] of saved) {
    const gone = new Set(
      [...table.values()].filter((chain) => isOurs(chain) && unwanted(name, chain))
        .map((chain) => chain.name),
    );
    kept.set(
      name,
      new Map(
        [...table.values()].filter((chain) => !gone.has(chain.name)).map((chain) => [
          chain.name,
          { ...chain, rules: chain.rules.filter((rule) => !gone.has(ourChainIn(rule) ?? "")) },
        ]),
      ),
    );
  }
  return kept;
}

/** The lines as one transaction of a table; empty where there are none. */
export function transaction(table: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `*${table}\n${lines.join("\n")}\nCOMMIT\n`;
}
