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
import {
  type ExactTexts,
  exactTexts,
  familyDifferences,
  JUMPS,
  jumpsText,
  setDifferences,
} from "./compare.ts";
import {
  destroySets,
  gather,
  type KernelState,
  readSets,
  readTables,
  restoreAndReadSets,
  restoreAndReadTables,
  restoreSets,
  restoreTables,
} from "./kernel_state.ts";
import {
  banSets,
  type FamilyPlan,
  type KernelPlan,
  type SetPlan,
  type TableName,
  type TablePlan,
} from "./plan.ts";
import { transitionalRaw } from "./raw_transition.ts";
import { renderEntries, replacementName, type SetChange } from "./render_ipset.ts";
import type { SavedSet, SavedTables } from "./saved_state.ts";
import { compareSets, joinChanges, renderAdditions, type SetChanges } from "./set_changes.ts";
import {
  hasStandIns,
  settleTable,
  supersedeTable,
  withoutQuestion,
  withoutStandIns,
} from "./stand_ins.ts";
import { isSameTable, replaceMains, revert, switchTable } from "./transition.ts";

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
  /** What a table holds, exactly, where that is known: what it has already is left alone. */
  readonly held: (family: Family, table: TableName) => TablePlan | undefined;
  /** How the kernel told a table when it was written last, where that is known. */
  readonly texts: (family: Family, table: TableName) => ExactTexts | undefined;
  /** Somebody waits: what else is to be done is left to `settle`. */
  readonly isHurried: boolean;
}

/** How a table comes to hold what it shall. */
interface Way {
  readonly kind: "left alone" | "superseded" | "replaced";
  /** What it holds, exactly, where that is known; always where it is not replaced. */
  readonly held?: TablePlan;
}

/** A change under way: `run` once, then `undo` if that threw, `settle` if not. */
export class PolicyChange {
  readonly #start: ChangeStart;
  readonly #undo: (() => Promise<void>)[] = [];
  readonly #transitional = new Map<Family, TablePlan>();
  readonly #ways = new Map<TablePlan, Way>();
  #hasPassed = false;

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
    const after = await this.#switchAndRemove(changes);
    this.#start.bans.settle();
    await this.#requireInPlace(wanted, after);
    return after;
  }

  /** Chains first, then the entries that nobody wants any more; at once where only one of them changes. */
  async #switchAndRemove(changes: SetChanges): Promise<KernelState> {
    const { commands, plan: { families } } = this.#start;
    const texts = families.map((one) => this.#switchText(one, this.#before(one), true));
    families.forEach((one, at) => texts[at] !== "" && this.#noteSwitch(one));
    const switching = gather(
      families,
      families.map((one, at) => this.#switchFamily(one, texts[at])),
    );
    switching.catch(() => {});
    const isRemoving = changes.remove.length > 0;
    if (isRemoving && texts.some((text) => text !== "")) await switching;
    const removing = isRemoving ? this.#removeEntries(changes) : readSets(commands);
    // Whatever fails, nothing may be under way when it is undone.
    const [tables, sets] = await Promise.allSettled([switching, removing]);
    if (tables.status === "rejected") throw tables.reason;
    if (sets.status === "rejected") throw sets.reason;
    return { tables: tables.value, sets: sets.value };
  }

  /**
   * Has `raw` ask no list any more that the plan does not ask: what it counted until then is final.
   *
   * @param after what `run` found
   * @returns what the kernel holds then
   */
  async pass({ tables, sets }: KernelState): Promise<KernelState> {
    const { plan: { families }, commands } = this.#start;
    const passing = families.map(async (one) => {
      const now = this.#passing(one), found = tables.get(one.family) ?? new Map();
      if (now === one.raw) return found;
      return await restoreAndReadTables(commands, one.family, replaceMains(one.raw, now));
    });
    const passed = await gather(families, passing);
    this.#hasPassed = true;
    return { tables: passed, sets };
  }

  /** What the kernel holds after `run`: the plan, or, until `pass`, one with more lists asked. */
  get inForce(): KernelPlan {
    const { plan } = this.#start;
    return {
      ...plan,
      families: plan.families.map((one) => ({ ...one, raw: this.#passing(one) })),
    };
  }

  /** The same where `settle` failed: families may differ in how far it came. */
  inForceOf({ tables }: KernelState): KernelPlan {
    const { plan } = this.#start;
    const families = plan.families.map((one, at) => {
      const saved = withoutStandIns(tables.get(one.family) ?? new Map());
      return familyDifferences(one, saved).length === 0 ? one : this.inForce.families[at];
    });
    return { ...plan, families };
  }

  /**
   * Deletes chains that nothing leads to any more, and has main chains hold their rules themselves.
   *
   * @param passed what `pass` found
   * @returns what the kernel holds then
   */
  async settle({ tables, sets }: KernelState): Promise<KernelState> {
    const { plan: { families } } = this.#start;
    const settling = families.map((one) => this.#settleFamily(one, tables.get(one.family)));
    return { tables: await gather(families, settling), sets };
  }

  async #settleFamily(plan: FamilyPlan, saved: SavedTables = new Map()): Promise<SavedTables> {
    const text = [plan.raw, plan.filter].map((table) => {
      const there = saved.get(table.name);
      return there ? settleTable(table, there) : "";
    }).join("");
    if (text === "") return saved;
    return await restoreAndReadTables(this.#start.commands, plan.family, text);
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

  #noteSwitch(plan: FamilyPlan): void {
    const { commands } = this.#start;
    const { family } = plan;
    this.#undo.push(async () => {
      const now = await readTables(commands, family);
      await restoreTables(commands, family, revert(now, this.#before(plan)));
    });
    const transitional = this.#rawWithOldLists(plan);
    // Undone first, so that the old `filter` never lacks the old lists.
    if (transitional !== this.#passing(plan)) {
      this.#undo.push(() => this.#switchRaw(family, transitional));
    }
  }

  /** Families do it all at once: each takes its time, no packet is of two. Read back right after. */
  async #switchFamily(plan: FamilyPlan, text: string): Promise<SavedTables> {
    const { commands } = this.#start;
    const before = this.#before(plan);
    try {
      return await restoreAndReadTables(commands, plan.family, text);
    } catch (error) {
      // Another tool may have moved or removed a jump since it was read: then try once more.
      const now = await readTables(commands, plan.family);
      if (!(error instanceof CommandError) || jumpsText(now) === jumpsText(before)) throw error;
      return await restoreAndReadTables(commands, plan.family, this.#switchText(plan, now, false));
    }
  }

  /**
   * One transaction for each table, and another one where old lists go in the end.
   *
   * @param byStandIns where that is the way
   */
  #switchText(plan: FamilyPlan, saved: SavedTables, byStandIns: boolean): string {
    const transitional = this.#rawWithOldLists(plan), last = this.#passing(plan);
    const text = [transitional, plan.filter].map((table) => {
      const { kind, held } = this.#wayOf(plan, table);
      if (kind === "left alone") return "";
      if (kind === "superseded" && held && byStandIns) return supersedeTable(table, held);
      const known = this.#start.texts(plan.family, table.name);
      return switchTable(table, saved.get(table.name), known);
    });
    return text.join("") + (transitional === last ? "" : replaceMains(last, transitional));
  }

  /** Found once for each table: to compare all of its rules takes its time. */
  #wayOf(plan: FamilyPlan, table: TablePlan): Way {
    const known = this.#ways.get(table);
    if (known) return known;
    const held = this.#start.held(plan.family, table.name);
    const canStandIn = this.#start.isHurried && !hasStandIns(this.#before(plan).get(table.name));
    const way: Way = held && isSameTable(held, table)
      ? { kind: "left alone", held }
      : { kind: held && canStandIn ? "superseded" : "replaced", held };
    this.#ways.set(table, way);
    return way;
  }

  async #switchRaw(family: Family, table: TablePlan): Promise<void> {
    const { commands } = this.#start;
    const now = await readTables(commands, family);
    await restoreTables(commands, family, switchTable(table, now.get(table.name)));
  }

  /** Returns what the sets are then. */
  async #removeEntries({ remove, removed }: SetChanges): Promise<Map<string, SavedSet>> {
    const { commands } = this.#start;
    this.#undo.push(() => restoreSets(commands, renderEntries("add", removed)));
    // The whitelist comes first among sets, and goes last: it wins to the end.
    return await restoreAndReadSets(commands, renderEntries("del", remove.toReversed()));
  }

  /** @param after what was read back */
  async #requireInPlace(wanted: readonly SetPlan[], after: KernelState): Promise<void> {
    const { plan, bans } = this.#start;
    const known = new Map(wanted.map((set) => [set.name, set]));
    const differences = [
      ...plan.families.flatMap((family) => this.#meddling(family, after)),
      ...this.inForce.families.flatMap((family) =>
        familyDifferences(family, withoutStandIns(after.tables.get(family.family) ?? new Map()))
      ),
      ...wanted.flatMap((set) => setDifferences(set, after.sets.get(set.name))),
      ...banDifferences(await bans.compare(banSets(plan), after.sets, known)),
    ];
    if (differences.length === 0) return;
    throw new PfwError(
      "the kernel does not hold the policy after it was applied",
      differences.slice(0, 5).join(", "),
      "see whether another program changes the firewall at the same time",
    );
  }

  /**
   * Chains that this change left alone and that are another now. What is compared with the plan is
   * not every word, so what another program did since the reading would be taken for ours.
   */
  #meddling(plan: FamilyPlan, after: KernelState): string[] {
    return [this.#rawWithOldLists(plan), plan.filter].flatMap((table) => {
      const { kind, held } = this.#wayOf(plan, table);
      if (!held) return [];
      const last = table === plan.filter ? table : this.#passing(plan);
      const isWritten = kind === "replaced" || table !== last;
      const chains = isWritten ? held.targets : [...held.mains, ...held.targets];
      const before = exactTexts(this.#before(plan).get(table.name));
      const now = exactTexts(after.tables.get(plan.family)?.get(table.name));
      // Jumps that come or go with this change are looked for by `familyDifferences`.
      const jumps = held.hooks.length === last.hooks.length ? [JUMPS] : [];
      return [...jumps, ...chains.map(({ name }) => name)]
        .filter((name) => {
          const [was, is] = [before, now].map((texts) => withoutQuestion(name, texts.get(name)));
          return was !== is;
        })
        .map((name) =>
          `${name || "a jump"} was changed meanwhile (${table.name}, IPv${plan.family})`
        );
    });
  }

  #before({ family }: FamilyPlan): SavedTables {
    return this.#start.before.tables.get(family) ?? new Map();
  }

  /** What `raw` holds after `run`. */
  #passing(plan: FamilyPlan): TablePlan {
    const isPassing = this.#start.isHurried && !this.#hasPassed;
    return isPassing ? this.#rawWithOldLists(plan) : plan.raw;
  }

  /** The plan for `raw` with the lists that the kernel asks now; the plan itself if none is more. */
  #rawWithOldLists(plan: FamilyPlan): TablePlan {
    const made = this.#transitional.get(plan.family) ??
      transitionalRaw(plan, this.#before(plan).get("raw"), this.#start.nflogGroup);
    this.#transitional.set(plan.family, made);
    return made;
  }
}
