/** A policy that was applied, and how the kernel looked right after. */
import type { Family } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import {
  type ExactTexts,
  exactTexts,
  familyDifferences,
  isUntouched,
  setDifferences,
} from "./compare.ts";
import type { KernelState } from "./kernel_state.ts";
import type { FamilyPlan, KernelPlan, SetPlan, TableName, TablePlan } from "./plan.ts";
import { withoutStandIns } from "./stand_ins.ts";

/** Remembers what was applied, to tell later whether it is still so. */
export class AppliedPolicy {
  /** What was put into the sets, by name. */
  readonly sets: ReadonlyMap<string, SetPlan>;
  /** What the kernel made of each table. */
  readonly #texts = new Map<string, ExactTexts>();

  /** @param after the reading that showed that everything is in place */
  constructor(readonly policy: Policy, readonly plan: KernelPlan, after: KernelState) {
    const sets = plan.families.flatMap((family) => family.sets);
    this.sets = new Map(sets.map((set) => [set.name, set]));
    for (const [family, table] of tablesOf(plan.families)) {
      this.#texts.set(key(family, table.name), exactTexts(savedTable(after, family, table.name)));
    }
  }

  /** What the kernel holds of a table, exactly: written by us, touched by nobody. */
  held(family: Family, name: TableName, now: KernelState): TablePlan | undefined {
    const table = this.plan.families.find((one) => one.family === family)?.[name];
    return table && this.#isUntouched(family, table, now) ? table : undefined;
  }

  /** What the kernel made of a table. */
  texts(family: Family, name: TableName): ExactTexts | undefined {
    return this.#texts.get(key(family, name));
  }

  /**
   * Whether the kernel holds a plan, and of the chains that both have what it held before, word for
   * word: main chains are compared with the plan only, for they may have been written anew.
   */
  agreesWith(plan: KernelPlan, now: KernelState): boolean {
    return plan.families.every((one) => {
      const tables = withoutStandIns(now.tables.get(one.family) ?? new Map());
      return familyDifferences(one, tables).length === 0 &&
        tablesOf([one]).every(([family, { name, targets }]) => {
          const was = this.texts(family, name), is = exactTexts(tables.get(name));
          return targets.every((chain) => was?.get(chain.name) === is.get(chain.name));
        });
    });
  }

  /** Whether what judges connections once is as it was: `filter`, and how much its lists hold. */
  stillJudges(now: KernelState): boolean {
    return this.plan.families.every(({ family, filter, askedOnce }) =>
      this.#isUntouched(family, filter, now) &&
      askedOnce.every((set) => setDifferences(set, now.sets.get(set.name)).length === 0)
    );
  }

  #isUntouched(family: Family, table: TablePlan, now: KernelState): boolean {
    const known = this.texts(family, table.name);
    const saved = savedTable(now, family, table.name);
    return known !== undefined && isUntouched(table, known, exactTexts(saved));
  }

  /** What is not as it was, in words; empty when everything is. */
  differences(now: KernelState): string[] {
    const sets = [...this.sets.values()];
    return [
      ...sets.flatMap((set) => setDifferences(set, now.sets.get(set.name))),
      ...this.plan.families.flatMap((family) => this.#familyDifferences(family, now)),
    ];
  }

  #familyDifferences(plan: FamilyPlan, now: KernelState): string[] {
    const tables = withoutStandIns(now.tables.get(plan.family) ?? new Map());
    const found = familyDifferences(plan, tables);
    if (found.length > 0) return found;
    return tablesOf([plan])
      .filter(([family, table]) => !this.#isUntouched(family, table, now))
      .map(([family, table]) => `rules of ours differ (${table.name}, IPv${family})`);
  }
}

function tablesOf(families: readonly FamilyPlan[]): [Family, TablePlan][] {
  return families.flatMap(({ family, raw, filter }): [Family, TablePlan][] => [
    [family, raw],
    [family, filter],
  ]);
}

function savedTable(state: KernelState, family: Family, name: TableName) {
  return state.tables.get(family)?.get(name);
}

function key(family: Family, name: TableName): string {
  return `${family}/${name}`;
}
