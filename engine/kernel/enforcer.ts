/** Puts policies into the kernel, keeps them there, counts, and takes everything away again. */
import { errorText, ExitCode, PfwError } from "../errors.ts";
import type { Family, Prefix } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { type ApplyResult, applyResult } from "./apply_result.ts";
import { AppliedPolicy } from "./applied.ts";
import { type BanDifference, banDifferences, KernelBans, type TimedPrefix } from "./bans.ts";
import { type Commands, runOrThrow } from "./command.ts";
import { compilePlan } from "./compile.ts";
import { CounterLedger, type KernelCounters } from "./counters.ts";
import { CreatedTables, removeEmptyTables, type TableKey } from "./created_tables.ts";
import { destroySets, isEmpty, type KernelState, ourChains, readKernel } from "./kernel_state.ts";
import { LastReading } from "./last_reading.ts";
import { banSets, type KernelPlan } from "./plan.ts";
import { PolicyChange } from "./policy_change.ts";
import { removeEverything } from "./removal.ts";
import { isMissingFeature, supportedFamilies } from "./requirements.ts";

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

/** What became of a policy, and what is still to be done but for it. */
interface Applying {
  readonly result: ApplyResult;
  readonly tidy: () => Promise<void>;
}

/** Milliseconds until work begins that nobody waits for: the answer to who waited comes first. */
const PAUSE = 25;

/** The firewall in the kernel. Calls that overlap wait for each other. */
export class Enforcer {
  readonly #options: EnforcerOptions;
  readonly #created: CreatedTables;
  readonly #bans: KernelBans;
  readonly #ledger = new CounterLedger();
  readonly #last = new LastReading();
  /** What iptables says of itself. */
  #version: string | undefined;
  #families: readonly Family[] | undefined;
  #applied: AppliedPolicy | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: EnforcerOptions) {
    this.#options = options;
    this.#created = new CreatedTables(options.stateFile);
    this.#bans = new KernelBans(options.commands);
  }

  /**
   * Makes the kernel enforce this policy and reads it back. Takes over whatever a crashed run
   * left. A packet that the policy before and this one both block is blocked throughout.
   *
   * @throws PfwError when it cannot; what was in the kernel before is then in force again
   */
  async apply(policy: Policy): Promise<ApplyResult> {
    return await this.#exclusive(async () => {
      this.#last.forget();
      return await this.#applyWhole(policy);
    });
  }

  /**
   * The same for who goes on living: returns once the kernel enforces the policy. What that made
   * superfluous is deleted afterwards, before anything else happens here.
   */
  applyFirst(policy: Policy): Promise<ApplyResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ApplyResult>();
    this.#exclusive(async () => {
      const { result, tidy } = await this.#apply(policy, true);
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
      if (!this.#last.isFresh) await this.#read();
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
      this.#last.forget();
      return this.#bans.change(this.#banSets(), add, remove, () => this.#haveBansAsked());
    });
  }

  /** While there are no bans no packet is looked up in their set: the first one changes that. */
  async #haveBansAsked(): Promise<void> {
    const applied = this.#applied;
    const asking = applied?.plan.families.filter(({ lists }) => lists.includes("ban")) ?? [];
    const families = new Set(asking.map(({ family }) => family));
    const isNew = [...this.#bans.families].some((family) =>
      this.#families?.includes(family) && !families.has(family)
    );
    if (!applied || !isNew) return;
    await this.#applyWhole(applied.policy);
  }

  /** Removes everything of ours, whoever left it; throws PfwError when something stays. */
  remove(): Promise<void> {
    return this.#exclusive(() => this.#remove());
  }

  /** What was dropped and let through since this enforcer first read the kernel. */
  counters(): Promise<KernelCounters> {
    return this.#exclusive(async () => {
      await this.#read();
      return this.#ledger.totals();
    });
  }

  /** The same as of the last reading, whatever that was for. */
  counted(): KernelCounters {
    return this.#ledger.totals();
  }

  /** What the kernel holds of ours, compared with what was applied. */
  inspect(): Promise<Inspection> {
    return this.#exclusive(async () => {
      const state = await this.#read();
      const differences = [
        ...this.#applied?.differences(state) ?? [],
        ...banDifferences(await this.#compareBans(state)),
      ];
      const chains = ourChains(state);
      return {
        inPlace: this.#applied !== undefined && differences.length === 0,
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
      if (!this.#applied) return [];
      await this.#bans.forgetPast(this.#banSets());
      const state = await this.#read();
      const bans = await this.#compareBans(state);
      const differences = [...this.#applied.differences(state), ...banDifferences(bans)];
      if (differences.length + bans.length > 0) await this.#applyWhole(this.#applied.policy);
      else this.#bans.settle();
      return differences;
    });
  }

  #banSets() {
    return this.#applied ? banSets(this.#applied.plan) : [];
  }

  async #compareBans(state: KernelState): Promise<BanDifference[]> {
    return await this.#bans.compare(this.#banSets(), state.sets, this.#applied?.sets ?? new Map());
  }

  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {});
    return result.catch((error) => {
      throw error instanceof PfwError ? error : failure("cannot work with the kernel", error);
    });
  }

  async #read(): Promise<KernelState> {
    this.#families ??= this.#options.families ?? await supportedFamilies();
    const state = await readKernel(this.#options.commands, this.#families);
    this.#ledger.observe(state.tables);
    this.#last.keep(state);
    return state;
  }

  async #applyWhole(policy: Policy): Promise<ApplyResult> {
    const { result, tidy } = await this.#apply(policy, false);
    await tidy();
    return result;
  }

  async #apply(policy: Policy, isHurried: boolean): Promise<Applying> {
    const last = this.#last.take();
    // Another program may have changed meanwhile what was read: then once more.
    const applied = last && await this.#applyFrom(last, policy, isHurried).catch(() => undefined);
    if (applied) return applied;
    await this.#read();
    return await this.#applyFrom(this.#last.take()!, policy, isHurried);
  }

  async #applyFrom(before: KernelState, policy: Policy, isHurried: boolean): Promise<Applying> {
    const started = performance.now();
    const { commands, nflogGroup } = this.#options;
    const banned = this.#bans.families;
    const plan = compilePlan(policy, { nflogGroup, families: this.#families, banned });
    if (await this.#usesNftables()) await this.#created.note(before.tables);
    const change = new PolicyChange({
      commands,
      plan,
      nflogGroup,
      before,
      bans: this.#bans,
      knownSets: this.#applied?.sets ?? new Map(),
      held: (family, table) => this.#applied?.held(family, table, before),
      isHurried,
    });
    const after = await change.run().catch(async (error) => {
      throw await this.#undo(change, before, error);
    });
    this.#applied = new AppliedPolicy(policy, change.inForce, after);
    return {
      result: applyResult(policy, plan, performance.now() - started),
      tidy: () => this.#tidy(change, policy, plan, after),
    };
  }

  async #undo(change: PolicyChange, before: KernelState, error: unknown): Promise<PfwError> {
    const failures = await change.undo();
    if (failures.length === 0 && isEmpty(before)) {
      await this.#removeTables().catch((reason) => failures.push(reason));
    }
    if (failures.length > 0) {
      return new PfwError(
        "cannot put the policy into the kernel",
        `${errorText(error)}; undoing it failed too: ${failures.map(errorText).join(", ")}`,
        "run `pfw status`, then `pfw reload` or `pfw cleanup`",
        ExitCode.failed,
        { cause: error },
      );
    }
    return error instanceof PfwError
      ? error
      : failure("cannot put the policy into the kernel", error, "nothing was changed");
  }

  /** Deletes chains and sets that nothing refers to any more. Failing harms nobody: say so. */
  async #tidy(change: PolicyChange, policy: Policy, plan: KernelPlan, after: KernelState) {
    const { commands, log } = this.#options;
    // Nothing can reach these chains since the switch: this reading is their final one.
    this.#ledger.observe(after.tables);
    try {
      const settled = await change.settle(after);
      this.#applied = new AppliedPolicy(policy, plan, settled);
      const wanted = new Set(plan.families.flatMap(({ sets }) => sets.map((set) => set.name)));
      const [kept, surplus] = [true, false].map((isWanted) =>
        [...settled.sets].filter(([name]) => wanted.has(name) === isWanted)
      );
      await destroySets(commands, surplus.map(([name]) => name));
      this.#last.keep({ tables: settled.tables, sets: new Map(kept) });
    } catch (error) {
      log?.(`what the policy before left in the kernel stays for now: ${errorText(error)}`);
      // Some of it may be gone: where that cannot be read, the next look finds and mends it.
      const state = await this.#read().catch(() => undefined);
      if (state) this.#applied = new AppliedPolicy(policy, change.inForceOf(state), state);
    }
  }

  async #remove(): Promise<void> {
    await removeEverything(this.#options.commands, () => this.#read());
    this.#applied = undefined;
    this.#last.forget();
    await this.#removeTables();
  }

  async #removeTables(): Promise<void> {
    const { commands, removeTables } = this.#options;
    const keys = await this.#created.read();
    await (removeTables ?? ((keys) => removeEmptyTables(commands, keys)))(keys);
    await this.#created.clear();
  }

  async #usesNftables(): Promise<boolean> {
    this.#version ??= await runOrThrow(this.#options.commands, ["iptables", "--version"]);
    return this.#version.includes("nf_tables");
  }
}

function failure(what: string, error: unknown, next = ""): PfwError {
  const why = errorText(error);
  const code = isMissingFeature(why) ? ExitCode.missing : ExitCode.failed;
  return new PfwError(what, why, next, code, { cause: error });
}
