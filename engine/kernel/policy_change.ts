/**
 * One change of the kernel from what it holds to a plan, in steps that can each be undone.
 *
 * Entries are added to sets before the chains change and deleted after it, and while chains
 * change `raw` asks the lists of both policies: a packet that both block is blocked throughout.
 */
import { PfwError } from "../errors.ts";
import type { Family } from "../net/address.ts";
import { banChanges, banDifferences, type KernelBans } from "./bans.ts";
import { CommandError, type Commands } from "./command.ts";
import { familyDifferences, setDifferences } from "./compare.ts";
import { compileRaw } from "./compile.ts";
import {
  destroySets,
  type KernelState,
  readKernel,
  readSets,
  readTables,
  restoreSets,
  restoreTables,
} from "./kernel_state.ts";
import { LIST_SETS, type ListSet, listSetName } from "./names.ts";
import { banSets, type FamilyPlan, type KernelPlan, type SetPlan, type TablePlan } from "./plan.ts";
import {
  renderCreate,
  renderEntries,
  renderReplacement,
  replacementName,
  type SetChange,
} from "./render_ipset.ts";
import { isOurs, ourChainIn, type SavedTable, type SavedTables } from "./saved_state.ts";
import { compareSets, joinChanges, type SetChanges } from "./set_changes.ts";
import { revert, switchTable } from "./transition.ts";

/** What a change starts from. */
export interface ChangeStart {
  readonly commands: Commands;
  readonly plan: KernelPlan;
  readonly nflogGroup: number;
  /** What the kernel holds now. */
  readonly before: KernelState;
  /** What this process last put into the sets, by name. */
  readonly knownSets: ReadonlyMap<string, SetPlan>;
  readonly bans: KernelBans;
  /** Whether a table holds exactly this plan already, so that it can be left alone. */
  readonly isInPlace: (family: Family, table: TablePlan) => boolean;
}

/** A change under way: `run` once, then `undo` if that threw. */
export class PolicyChange {
  readonly #start: ChangeStart;
  readonly #undo: (() => Promise<void>)[] = [];

  constructor(start: ChangeStart) {
    this.#start = start;
  }

  /** Makes the change and reads it back; throws unless all of the plan is in place. */
  async run(): Promise<KernelState> {
    const { commands, plan, before, knownSets } = this.#start;
    const wanted = plan.families.flatMap((family) => family.sets);
    const bans = await this.#start.bans.compare(banSets(plan), before.sets, knownSets);
    const changes = joinChanges(
      await compareSets(commands, wanted, before.sets, knownSets),
      banChanges(bans),
    );
    await this.#addEntries(changes);
    for (const family of plan.families) await this.#switchFamily(family);
    for (const family of plan.families) await this.#dropOldLists(family);
    await this.#removeEntries(changes);
    this.#start.bans.settle();
    return await this.#readBack(wanted);
  }

  /** Takes the steps back, the last one first; returns what could not be. */
  async undo(): Promise<unknown[]> {
    this.#start.bans.doubt();
    const failures: unknown[] = [];
    for (const step of this.#undo.reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  async #addEntries(changes: SetChanges): Promise<void> {
    const { create, replace, add, added, overwritten } = changes;
    if (create.length + replace.length + add.length === 0) return;
    const { commands } = this.#start;
    const created = new Set(create.map((set) => set.name));
    this.#undo.push(async () => {
      const present = await readSets(commands);
      const isGrown = ({ name }: SetChange) => !created.has(name) && present.has(name);
      const back = [
        ...renderEntries("del", added.filter(isGrown)),
        ...renderEntries("add", overwritten.filter(isGrown)),
      ];
      if (back.length > 0) await restoreSets(commands, back);
      const halfMade = replace.map(({ set }) => replacementName(set.name));
      await destroySets(commands, [...created, ...halfMade]);
    });
    await restoreSets(commands, renderAdditions(changes));
  }

  async #switchFamily(plan: FamilyPlan): Promise<void> {
    const { commands } = this.#start;
    const { family } = plan;
    const before = this.#tablesBefore(family);
    const tables = [this.#rawWithOldLists(plan), plan.filter]
      .filter((table) => !this.#start.isInPlace(family, table));
    if (tables.length === 0) return;
    this.#undo.push(async () => {
      await restoreTables(commands, family, revert(await readTables(commands, family), before));
    });
    const text = (saved: SavedTables) =>
      tables.map((table) => switchTable(table, saved.get(table.name))).join("");
    try {
      await restoreTables(commands, family, text(before));
    } catch (error) {
      // Another tool may have moved or removed a jump since it was read: then try once more.
      const now = await readTables(commands, family);
      if (!(error instanceof CommandError) || jumpsText(now) === jumpsText(before)) throw error;
      await restoreTables(commands, family, text(now));
    }
  }

  /** Undoing this comes before undoing the switch, so the old `filter` never lacks the old lists. */
  async #dropOldLists(plan: FamilyPlan): Promise<void> {
    const { commands } = this.#start;
    const transitional = this.#rawWithOldLists(plan);
    if (transitional === plan.raw) return;
    const change = async (table: TablePlan) => {
      const now = await readTables(commands, plan.family);
      await restoreTables(commands, plan.family, switchTable(table, now.get(table.name)));
    };
    this.#undo.push(() => change(transitional));
    await change(plan.raw);
  }

  async #removeEntries({ remove, removed }: SetChanges): Promise<void> {
    if (remove.length === 0) return;
    const { commands } = this.#start;
    this.#undo.push(() => restoreSets(commands, renderEntries("add", removed)));
    await restoreSets(commands, renderEntries("del", remove));
  }

  async #readBack(wanted: readonly SetPlan[]): Promise<KernelState> {
    const { commands, plan, bans } = this.#start;
    const families = plan.families.map(({ family }) => family);
    const after = await readKernel(commands, families);
    const known = new Map(wanted.map((set) => [set.name, set]));
    const differences = [
      ...plan.families.flatMap((family) =>
        familyDifferences(family, after.tables.get(family.family) ?? new Map())
      ),
      ...wanted.flatMap((set) => setDifferences(set, after.sets.get(set.name))),
      ...banDifferences(await bans.compare(banSets(plan), after.sets, known)),
    ];
    if (differences.length === 0) return after;
    throw new PfwError(
      "the kernel does not hold the policy after it was applied",
      differences.slice(0, 5).join(", "),
      "see whether another program changes the firewall at the same time",
    );
  }

  #tablesBefore(family: Family): SavedTables {
    return this.#start.before.tables.get(family) ?? new Map();
  }

  /** The plan for `raw` with the lists that the kernel asks now; the plan itself if none is more. */
  #rawWithOldLists(plan: FamilyPlan): TablePlan {
    const old = listsAsked(this.#tablesBefore(plan.family).get("raw"), plan.family);
    return old.every((list) => plan.lists.includes(list))
      ? plan.raw
      : compileRaw(plan.family, [...plan.lists, ...old], this.#start.nflogGroup);
  }
}

function* renderAdditions({ create, replace, add }: SetChanges): Generator<string> {
  for (const set of create) yield `${renderCreate(set)}\n`;
  yield* renderEntries("add", add);
  for (const { set, surplus } of replace) yield* renderReplacement(set, surplus);
}

function listsAsked(raw: SavedTable | undefined, family: Family): ListSet[] {
  const rules = [...(raw?.values() ?? [])].filter(isOurs).flatMap((chain) => chain.rules);
  return LIST_SETS.filter((list) =>
    rules.some((rule) => rule.text.includes(`--match-set ${listSetName(list, family)} `))
  );
}

function jumpsText(tables: SavedTables): string {
  return JSON.stringify([...tables].map(([name, table]) => [
    name,
    [...table.values()].filter((chain) => !isOurs(chain)).map((chain) =>
      chain.rules.filter(ourChainIn).map((rule) => `${chain.name} ${rule.text}`)
    ),
  ]));
}
