/** Puts policies into the kernel, keeps them there, counts, and takes everything away again. */
import { PfwError } from "../errors.ts";
import type { Family, Prefix } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { Applier, kernelFailure } from "./applier.ts";
import type { ApplyResult } from "./apply_result.ts";
import { type BanDifference, banDifferences, KernelBans, type TimedPrefix } from "./bans.ts";
import type { Commands } from "./command.ts";
import type { KernelCounters } from "./counters.ts";
import { CreatedTables, removeEmptyTables, type TableKey } from "./created_tables.ts";
import { type KernelState, ourChains } from "./kernel_state.ts";
import { banSets } from "./plan.ts";
import { removeEverything } from "./removal.ts";

export type { ApplyResult } from "./apply_result.ts";

/** What an enforcer works with. */
export interface EnforcerOptions {
  readonly commands: Commands;
  /** NFLOG group of the reports, 0 to 65,535. */
  readonly nflogGroup: number;
  /** Where the tables that did not exist before pfw are remembered; in the run directory. */
  readonly stateFile: string;
  /** Gets one line for what went wrong without making the policy wrong. */
  readonly log?: (message: string) => void;
  /** Default: IPv4, and IPv6 unless the kernel has none. */
  readonly families?: readonly Family[];
  /** Deletes empty tables; default: `removeEmptyTables` in this process's network namespace. */
  readonly removeTables?: (keys: readonly TableKey[]) => Promise<void>;
}

/** What the kernel holds. */
export interface Inspection {
  /** Whether a policy was applied by this process and all of it is there. */
  readonly inPlace: boolean;
  /** What is not as it was applied. */
  readonly differences: readonly string[];
  readonly sets: readonly { name: string; entries: number; memory: number }[];
  readonly chains: number;
  readonly rules: number;
}

/** Milliseconds until work begins that nobody waits for: the answer to who waited comes first. */
const PAUSE = 25;

/** The firewall in the kernel. Calls that overlap wait for each other. */
export class Enforcer {
  readonly #options: EnforcerOptions;
  readonly #created: CreatedTables;
  readonly #bans: KernelBans;
  readonly #applier: Applier;
  /** What is to be in force, also where putting it in place failed. */
  #wanted: Policy | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: EnforcerOptions) {
    this.#options = options;
    this.#created = new CreatedTables(options.stateFile);
    this.#bans = new KernelBans(options.commands);
    this.#applier = new Applier({
      ...options,
      bans: this.#bans,
      created: this.#created,
      removeTables: () => this.#removeTables(),
      removeUnused: (keys) => this.#removeCreated(keys),
    });
  }

  /**
   * Makes the kernel enforce this policy and reads it back. Takes over whatever a crashed run
   * left. A packet that the policy before and this one both block is blocked throughout.
   *
   * @throws PfwError when it cannot; what was in the kernel before is then in force again
   */
  async apply(policy: Policy): Promise<ApplyResult> {
    return await this.#exclusive(async () => {
      if (!this.#applier.applied) this.#wanted = policy;
      this.#applier.last.forget();
      return await this.#applier.applyWhole(policy);
    });
  }

  /**
   * The same for who goes on living: returns once the kernel enforces the policy. What that made
   * superfluous is deleted afterwards, before anything else happens here.
   */
  applyFirst(policy: Policy): Promise<ApplyResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ApplyResult>();
    this.#exclusive(async () => {
      if (!this.#applier.applied) this.#wanted = policy;
      const { result, tidy } = await this.#applier.apply(policy, true);
      resolve(result);
      // To start a program at once would take its time from whoever waits for the result.
      await new Promise((done) => setTimeout(done, PAUSE));
      await tidy();
    }).catch(reject);
    return promise;
  }

  /**
   * Begins to read the kernel, unless it was read of late, for an `applyFirst` that comes at once;
   * where it fails, that reads it.
   */
  readAhead(): void {
    this.#exclusive(async () => {
      if (!this.#applier.last.isFresh) await this.#applier.read();
    }).catch(() => {});
  }

  /** Waits until everything is done that was begun. */
  async settled(): Promise<void> {
    await this.#queue;
  }

  /**
   * The bans that the kernel holds from the next `apply` or `restoreIfDrifted` on, in place of
   * those known before; what is over is left out. Of more than 65,536 those that last longest
   * count. At start it comes before the first `apply`, which then leaves no gap.
   */
  setBans(bans: readonly TimedPrefix[]): void {
    this.#queue = this.#queue.then(() => this.#bans.set(bans));
  }

  /**
   * Adds bans, or gives those that are there another end, and takes others away. The kernel has it
   * when this returns, or, before the first `apply`, when that does.
   *
   * @param add one that is over already is taken away
   * @param remove unknown ones are fine
   * @throws PfwError when it cannot, also for more than 65,536 bans at once; then all is as before
   */
  changeBans(add: readonly TimedPrefix[], remove: readonly Prefix[]): Promise<void> {
    return this.#exclusive(() => {
      this.#applier.last.forget();
      return this.#bans.change(this.#banSets(), add, remove, () => this.#haveBansAsked());
    });
  }

  /** While there are no bans no packet is looked up in their set: the first one changes that. */
  async #haveBansAsked(): Promise<void> {
    const { applied, unasked } = this.#applier;
    if (applied && unasked.length > 0) await this.#applier.applyWhole(applied.policy);
  }

  /** Removes everything of ours, whoever left it; throws PfwError when something stays. */
  remove(): Promise<void> {
    return this.#exclusive(() => this.#remove());
  }

  /** What was dropped and let through since this enforcer first read the kernel. */
  counters(): Promise<KernelCounters> {
    return this.#exclusive(async () => {
      await this.#applier.read();
      return this.#applier.ledger.totals();
    });
  }

  /** The same as of the last reading, whatever that was for. */
  counted(): KernelCounters {
    return this.#applier.ledger.totals();
  }

  /** What the kernel holds of ours, compared with what was applied. */
  inspect(): Promise<Inspection> {
    return this.#exclusive(async () => {
      const state = await this.#applier.read();
      const differences = this.#differences(state, await this.#compareBans(state));
      const chains = ourChains(state);
      return {
        inPlace: this.#applier.applied !== undefined && differences.length === 0,
        differences,
        sets: [...state.sets.values()].map(({ name, entries, memory }) => ({
          name,
          entries,
          memory,
        })),
        chains: chains.length,
        rules: chains.reduce((sum, chain) => sum + chain.rules.length, 0),
      };
    });
  }

  /**
   * Puts back what another program changed.
   *
   * @returns what was different; empty when nothing was
   * @throws PfwError when it cannot be repaired
   */
  restoreIfDrifted(): Promise<readonly string[]> {
    return this.#exclusive(async () => {
      const { applied } = this.#applier;
      if (!applied) return await this.#beginAgain();
      await this.#bans.forgetPast(this.#banSets());
      const state = await this.#applier.read();
      const bans = await this.#compareBans(state);
      const differences = this.#differences(state, bans);
      const { planner, isUnsettled } = this.#applier;
      const isOutdated = await planner.isOutdated(applied.plan, state);
      if (differences.length + bans.length > 0 || isUnsettled || isOutdated) {
        await this.#applier.applyWhole(applied.policy);
      } else this.#bans.settle();
      return differences;
    });
  }

  /**
   * Has the threat lists asked before connection tracking, or not any more: that costs each packet
   * more than asking them once for each connection, and each packet that they block much less.
   *
   * @throws PfwError when it cannot; then all is as before
   */
  defend(isFlooded: boolean): Promise<void> {
    return this.#exclusive(async () => {
      const { planner, applied } = this.#applier;
      if (planner.isFlooded === isFlooded) return;
      planner.isFlooded = isFlooded;
      this.#applier.last.forget();
      try {
        if (applied) await this.#applier.applyWhole(applied.policy);
      } catch (error) {
        planner.isFlooded = !isFlooded;
        throw error;
      }
    });
  }

  /** The first policy could not be put in place, and whoever enforces goes on all the same. */
  async #beginAgain(): Promise<readonly string[]> {
    if (!this.#wanted) return [];
    await this.#applier.applyWhole(this.#wanted);
    return ["no policy was in force"];
  }

  #differences(state: KernelState, bans: readonly BanDifference[]): string[] {
    const { applied, unasked } = this.#applier;
    return [
      ...applied?.differences(state) ?? [],
      ...banDifferences(bans),
      ...unasked.map((family) => `packets are not looked up among bans (IPv${family})`),
    ];
  }

  #banSets() {
    const { applied } = this.#applier;
    return applied ? banSets(applied.plan) : [];
  }

  async #compareBans(state: KernelState): Promise<BanDifference[]> {
    const known = this.#applier.applied?.sets ?? new Map();
    return await this.#bans.compare(this.#banSets(), state.sets, known);
  }

  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {});
    return result.catch((error) => {
      throw error instanceof PfwError ? error : kernelFailure("cannot work with the kernel", error);
    });
  }

  async #remove(): Promise<void> {
    this.#wanted = undefined;
    await removeEverything(this.#options.commands, () => this.#applier.read());
    this.#applier.applied = undefined;
    this.#applier.isUnsettled = false;
    this.#applier.last.forget();
    await this.#removeTables();
  }

  async #removeTables(): Promise<void> {
    await this.#removeCreated();
    await this.#created.clear();
  }

  /** Of the tables that pfw created these, default all, where they are empty; false if it did none. */
  async #removeCreated(wanted?: readonly TableKey[]): Promise<boolean> {
    const { commands, removeTables } = this.#options;
    const keys = (await this.#created.read()).filter(({ family, table }) =>
      !wanted || wanted.some((one) => one.family === family && one.table === table)
    );
    await (removeTables ?? ((keys) => removeEmptyTables(commands, keys)))(keys);
    return keys.length > 0;
  }
}
