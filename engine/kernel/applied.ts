/** A policy that was applied, and how the kernel looked right after. */
import type { Family } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { familyDifferences, fingerprint, setDifferences } from "./compare.ts";
import type { KernelState } from "./kernel_state.ts";
import type { FamilyPlan, KernelPlan, SetPlan, TablePlan } from "./plan.ts";
import { switchTable } from "./transition.ts";

interface TableSnapshot {
  /** What was written. */
  readonly rendered: string;
  /** What the kernel made of it. */
  readonly fingerprint: string;
}

/** Remembers what was applied, to tell later whether it is still so. */
export class AppliedPolicy {
  /** What was put into the sets, by name. */
  readonly sets: ReadonlyMap<string, SetPlan>;
  readonly #tables = new Map<string, TableSnapshot>();

  /** @param after the reading that showed that everything is in place */
  constructor(readonly policy: Policy, readonly plan: KernelPlan, after: KernelState) {
    const sets = plan.families.flatMap((family) => family.sets);
    this.sets = new Map(sets.map((set) => [set.name, set]));
    for (const [family, table] of tablesOf(plan.families)) {
      this.#tables.set(key(family, table), {
        rendered: switchTable(table, undefined),
        fingerprint: fingerprint(table, savedTable(after, family, table)),
      });
    }
  }

  /** Whether the kernel holds exactly this table: written by us, touched by nobody. */
  holds(family: Family, table: TablePlan, now: KernelState): boolean {
    const known = this.#tables.get(key(family, table));
    return known !== undefined && known.rendered === switchTable(table, undefined) &&
      known.fingerprint === fingerprint(table, savedTable(now, family, table));
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
    const found = familyDifferences(plan, now.tables.get(plan.family) ?? new Map());
    if (found.length > 0) return found;
    return tablesOf([plan])
      .filter(([family, table]) => !this.holds(family, table, now))
      .map(([family, table]) => `rules of ours differ (${table.name}, IPv${family})`);
  }
}

function tablesOf(families: readonly FamilyPlan[]): [Family, TablePlan][] {
  return families.flatMap(({ family, raw, filter }): [Family, TablePlan][] => [
    [family, raw],
    [family, filter],
  ]);
}

function savedTable(state: KernelState, family: Family, table: TablePlan) {
  return state.tables.get(family)?.get(table.name);
}

function key(family: Family, table: TablePlan): string {
  return `${family}/${table.name}`;
}
