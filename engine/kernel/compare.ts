/** Whether the kernel holds what the plan says: differences in words. */
import { type Family, formatPrefix, parsePrefix } from "../net/address.ts";
import type { ChainPlan, FamilyPlan, HookPlan, TablePlan } from "./plan.ts";
import { entryCount, type SetPlan } from "./plan.ts";
import { standInFor } from "./names.ts";
import { renderRule } from "./render_iptables.ts";
import {
  isOurs,
  ourChainIn,
  ruleOptions,
  type SavedChain,
  type SavedSet,
  type SavedTable,
  type SavedTables,
} from "./saved_state.ts";

/**
 * What is compared of a rule. Not all of it: versions of iptables print states, protocols and
 * rates in their own way. A rule that has these in common is the rule that we wrote; of a limit
 * its name or size tells whether it is that of this version.
 */
const COMPARED = [
  "-i",
  "-o",
  "-s",
  "-d",
  "-j",
  "-g",
  "--match-set",
  "--add-set",
  "--dport",
  "--dports",
  "--ctorigdstport",
  "--nflog-prefix",
  "--nflog-group",
  "--hashlimit-name",
  "--limit-burst",
  "--mark",
  "--set-xmark",
];

/** Of these the values are addresses, which iptables prints in its own way. */
const ADDRESSES = ["-s", "-d"];

/** Essences of texts that were asked for: a change leaves most rules as they are. */
const known = new Map<string, string>();
/** Texts that are remembered; a policy of 10,000 rules has more, and then none is kept for long. */
const MOST_KNOWN = 8_192;

/** The compared part of a rule's text, in one form. */
export function essence(text: string): string {
  const before = known.get(text);
  if (before !== undefined) return before;
  if (known.size >= MOST_KNOWN) known.clear();
  const made = makeEssence(text);
  known.set(text, made);
  return made;
}

function makeEssence(text: string): string {
  const options = ruleOptions(text);
  return COMPARED.filter((name) => options.has(name))
    .map((name) => {
      const values = options.get(name)!;
      return [name, ...ADDRESSES.includes(name) ? values.map(canonical) : values].join(" ");
    })
    .join(" ");
}

function canonical(value: string): string {
  const prefix = parsePrefix(value);
  return prefix ? formatPrefix(prefix) : value;
}

/** Whether a chain holds these rules. */
export function chainMatches(plan: ChainPlan, saved: SavedChain): boolean {
  return plan.rules.length === saved.rules.length &&
    plan.rules.every((rule, at) => essence(renderRule(rule)) === essence(saved.rules[at].text));
}

/** Whether the built-in chain jumps to ours once, first, and to no other chain of ours. */
export function hookInPlace(hook: HookPlan, saved: SavedTable | undefined): boolean {
  const rules = saved?.get(hook.hook)?.rules ?? [];
  return rules.length > 0 && rules[0].text === `-j ${hook.chain}` &&
    rules.findLastIndex((rule) => ourChainIn(rule) !== undefined) === 0;
}

/** Rules of built-in chains that lead to ours where the plan has no jump: the chain and the rule. */
export function surplusJumps(
  { hooks }: TablePlan,
  saved: SavedTable | undefined,
): [hook: string, text: string][] {
  return [...saved?.values() ?? []]
    .filter((chain) => !isOurs(chain) && !hooks.some(({ hook }) => hook === chain.name))
    .flatMap(({ name, rules }) =>
      rules.filter(ourChainIn).map(({ text }): [string, string] => [name, text])
    );
}

/** What of the plan is not in place; empty when all of it is. */
export function familyDifferences(plan: FamilyPlan, saved: SavedTables): string[] {
  return [plan.raw, plan.filter].flatMap((table) =>
    tableDifferences(table, plan.family, saved.get(table.name))
  );
}

function tableDifferences(
  plan: TablePlan,
  family: Family,
  saved: SavedTable | undefined,
): string[] {
  const where = `${plan.name}, IPv${family}`;
  if (!saved) return plan.hooks.length > 0 ? [`table is missing (${where})`] : [];
  const surplus = surplusJumps(plan, saved).map(([hook, text]) =>
    `${hook} leads to a chain of ours without need (${where}): ${text}`
  );
  const hooks = plan.hooks.filter((hook) => !hookInPlace(hook, saved))
    .map(({ hook, chain }) => `${hook} does not jump to ${chain} first and once (${where})`);
  const chains = [...plan.mains, ...plan.targets].flatMap((chain) => {
    const there = saved.get(chain.name);
    if (!there) return [`chain ${chain.name} is missing (${where})`];
    return chainMatches(chain, there) ? [] : [`chain ${chain.name} holds other rules (${where})`];
  });
  return [...surplus, ...hooks, ...chains];
}

/** What of a set is not in place, by its header; where entries expire, whether it is there. */
export function setDifferences(plan: SetPlan, saved: SavedSet | undefined): string[] {
  if (!saved) return [`set ${plan.name} is missing`];
  if (plan.timeout) return [];
  const wanted = entryCount(plan);
  return saved.entries === wanted
    ? []
    : [`set ${plan.name} holds ${saved.entries} entries instead of ${wanted}`];
}

/** What of a table is ours, exactly: the rules of each chain, and the jumps under `JUMPS`. */
export type ExactTexts = ReadonlyMap<string, string>;

/** No chain is called so. */
export const JUMPS = "";

/** Reads it; counters are not part of it. */
export function exactTexts(saved: SavedTable | undefined): ExactTexts {
  const texts = new Map<string, string>(), jumps: string[] = [];
  for (const { name, rules } of saved?.values() ?? []) {
    if (isOurs({ name })) texts.set(name, rules.map((rule) => rule.text).join("\n"));
    else {
      rules.forEach((rule, at) => {
        if (ourChainIn(rule)) jumps.push(`${name} ${at} ${rule.text}`);
      });
    }
  }
  return texts.set(JUMPS, jumps.join("\n"));
}

/** Whether nobody touched the plan's part of a table, nor a chain that stands in for one of it. */
export function isUntouched(plan: TablePlan, before: ExactTexts, now: ExactTexts): boolean {
  const names = [...plan.mains, ...plan.targets].map(({ name }) => name);
  return [JUMPS, ...names, ...names.map(standInFor)]
    .every((name) => before.get(name) === now.get(name));
}

/** The jumps from built-in chains to ours, wherever they stand: equal as long as none comes or goes. */
export function jumpsText(tables: SavedTables): string {
  return JSON.stringify([...tables].map(([name, table]) => [
    name,
    [...table.values()].filter((chain) => !isOurs(chain)).map((chain) =>
      chain.rules.filter(ourChainIn).map((rule) => `${chain.name} ${rule.text}`)
    ),
  ]));
}
