/** How a policy comes into the kernel, and what is known of what the kernel holds. */
import { errorText, ExitCode, PfwError } from "../errors.ts";
import type { Family } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { type ApplyResult, applyResult } from "./apply_result.ts";
import { AppliedPolicy } from "./applied.ts";
import type { KernelBans } from "./bans.ts";
import { type Commands, runOrThrow } from "./command.ts";
import { CounterLedger } from "./counters.ts";
import type { CreatedTables, TableKey } from "./created_tables.ts";
import { destroySets, isEmpty, type KernelState, readKernel } from "./kernel_state.ts";
import { LastReading } from "./last_reading.ts";
import type { KernelPlan } from "./plan.ts";
import { Planner } from "./planner.ts";
import { PolicyChange } from "./policy_change.ts";
import { isMissingFeature, supportedFamilies } from "./requirements.ts";

/** What it works with. */
export interface ApplierParts {
  readonly commands: Commands;
  /** NFLOG group of the reports, 0 to 65,535. */
  readonly nflogGroup: number;
  /** Gets one line for what went wrong without making the policy wrong. */
  readonly log?: (message: string) => void;
  /** Default: IPv4, and IPv6 unless the kernel has none. */
  readonly families?: readonly Family[];
  readonly bans: KernelBans;
  readonly created: CreatedTables;
  /** Deletes what the first policy created and a failure leaves empty. */
  readonly removeTables: () => Promise<void>;
  /** Deletes those of the tables that pfw created and that are empty; false where it created none. */
  readonly removeUnused: (keys: readonly TableKey[]) => Promise<boolean>;
}

/** What became of a policy, and what is still to be done but for it. */
export interface Applying {
  readonly result: ApplyResult;
  readonly tidy: () => Promise<void>;
}

/** A failure after which the kernel holds neither the old policy nor the new one. */
class NotUndone extends PfwError {}

/** Puts policies in place, one after another: whoever calls sees to that. */
export class Applier {
  readonly ledger = new CounterLedger();
  readonly last = new LastReading();
  readonly planner: Planner;
  /** What is in force, as far as this process knows. */
  applied: AppliedPolicy | undefined;
  /** Something that nothing refers to any more is still there. */
  isUnsettled = false;
  readonly #parts: ApplierParts;
  /** What iptables says of itself. */
  #version: string | undefined;
  #families: readonly Family[] | undefined;

  constructor(parts: ApplierParts) {
    this.#parts = parts;
    this.planner = new Planner(parts);
  }

  /** Reads the kernel, and counts. */
  async read(): Promise<KernelState> {
    this.#families ??= this.#parts.families ?? await supportedFamilies();
    const state = await readKernel(this.#parts.commands, this.#families);
    this.ledger.observe(state.tables);
    this.last.keep(state);
    return state;
  }

  /** Applies a policy and does all that is to be done. */
  async applyWhole(policy: Policy): Promise<ApplyResult> {
    const { result, tidy } = await this.apply(policy, false);
    await tidy();
    return result;
  }

  /**
   * Applies a policy, from the last reading where there is one.
   *
   * @param isHurried somebody waits
   * @throws PfwError when it cannot; what was in the kernel before is then in force again
   */
  async apply(policy: Policy, isHurried: boolean): Promise<Applying> {
    const last = this.last.take();
    // Another program may have changed meanwhile what was read: then once more.
    const applied = last && await this.#applyFrom(last, policy, isHurried).catch((error) => {
      if (error instanceof NotUndone) throw error;
    });
    if (applied) return applied;
    const now = await this.read();
    this.last.forget();
    return await this.#applyFrom(now, policy, isHurried);
  }

  /** Families with bans that packets are not looked up among: while there are none, nobody asks. */
  get unasked(): readonly Family[] {
    const { plan } = this.applied ?? {};
    const banned = this.#parts.bans.families;
    return (plan?.families ?? [])
      .filter(({ family, lists }) => banned.has(family) && !lists.includes("ban"))
      .map(({ family }) => family);
  }

  async #applyFrom(before: KernelState, policy: Policy, isHurried: boolean): Promise<Applying> {
    const started = performance.now();
    const { commands, nflogGroup, bans, created } = this.#parts;
    const plan = await this.planner.plan(policy, {
      banned: bans.families,
      before,
      applied: this.applied,
      isHurried,
    });
    if (await this.#usesNftables()) await created.note(before.tables, tablesIn(plan));
    const change = new PolicyChange({
      commands,
      plan,
      nflogGroup,
      before,
      bans,
      knownSets: this.applied?.sets ?? new Map(),
      held: (family, table) => this.applied?.held(family, table, before),
      texts: (family, table) => this.applied?.texts(family, table),
      isHurried,
    });
    const after = await change.run().catch(async (error) => {
      this.planner.doubt();
      throw await this.#undo(change, before, error);
    });
    this.planner.trust(plan);
    this.#sayIfUnmarked(plan);
    this.applied = new AppliedPolicy(policy, change.inForce, after);
    return {
      result: applyResult(policy, plan, performance.now() - started),
      tidy: () => this.#tidy(change, policy, plan, after),
    };
  }

  /** Once, as long as it stays so. */
  #sayIfUnmarked({ generation }: KernelPlan): void {
    const before = this.applied?.plan;
    if (generation || (before && !before.generation)) return;
    this.#parts.log?.(
      "every packet is judged, not each connection once: rules of another program use marks of " +
        "connections or cannot be read, or the kernel has no such marks",
    );
  }

  async #undo(change: PolicyChange, before: KernelState, error: unknown): Promise<PfwError> {
    const failures = await change.undo();
    if (failures.length === 0 && isEmpty(before)) {
      await this.#parts.removeTables().catch((reason) => failures.push(reason));
    }
    if (failures.length > 0) {
      return new NotUndone(
        "cannot put the policy into the kernel",
        `${errorText(error)}; undoing it failed too: ${failures.map(errorText).join(", ")}`,
        "run `pfw status`, then `pfw reload` or `pfw cleanup`",
        ExitCode.failed,
        { cause: error },
      );
    }
    return error instanceof PfwError
      ? error
      : kernelFailure("cannot put the policy into the kernel", error, "nothing was changed");
  }

  /**
   * Deletes chains and sets that nothing refers to any more. What another program did meanwhile is not
   * taken for ours: then, and where it fails, the next look puts all of the policy in place.
   */
  async #tidy(change: PolicyChange, policy: Policy, plan: KernelPlan, after: KernelState) {
    const { commands, log } = this.#parts;
    try {
      // Chains that nothing can reach any more have counted for the last time.
      const passed = await change.pass(after);
      this.ledger.observe(passed.tables);
      const settled = await change.settle(passed);
      if (!this.#adopt(policy, plan, settled)) throw new Error("it was changed meanwhile");
      const wanted = new Set(plan.families.flatMap(({ sets }) => sets.map((set) => set.name)));
      const [kept, surplus] = [true, false].map((isWanted) =>
        [...settled.sets].filter(([name]) => wanted.has(name) === isWanted)
      );
      await destroySets(commands, surplus.map(([name]) => name));
      this.last.keep({ tables: settled.tables, sets: new Map(kept) });
      await this.#removeUnused(plan, settled);
      this.isUnsettled = false;
    } catch (error) {
      if (!this.isUnsettled) {
        log?.(`what the policy before left in the kernel stays for now: ${errorText(error)}`);
      }
      this.isUnsettled = true;
      // Some of it may be gone: where that cannot be read, the next look finds and mends it.
      const state = await this.read().catch(() => undefined);
      if (state) this.#adopt(policy, change.inForceOf(state), state);
    }
  }

  /** From now on this is what is in force; false, and nothing happens, where the kernel disagrees. */
  #adopt(policy: Policy, plan: KernelPlan, state: KernelState): boolean {
    if (!this.applied?.agreesWith(plan, state)) return false;
    this.applied = new AppliedPolicy(policy, plan, state);
    return true;
  }

  /** A table that is there costs every packet a call, also where it is empty. */
  async #removeUnused({ families }: KernelPlan, { tables }: KernelState): Promise<void> {
    const unused = families
      .filter(({ family, raw }) => raw.hooks.length === 0 && tables.get(family)?.has(raw.name))
      .map(({ family, raw }) => ({ family, table: raw.name }));
    if (unused.length === 0 || !await this.#usesNftables()) return;
    if (await this.#parts.removeUnused(unused)) this.last.forget();
  }

  async #usesNftables(): Promise<boolean> {
    this.#version ??= await runOrThrow(this.#parts.commands, ["iptables", "--version"]);
    return this.#version.includes("nf_tables");
  }
}

/** The tables that the plan has something in. */
function tablesIn({ families }: KernelPlan): TableKey[] {
  return families.flatMap(({ family, raw, filter }) =>
    [raw, filter].filter(({ hooks }) => hooks.length > 0)
      .map(({ name }) => ({ family, table: name }))
  );
}

/** The error for what a program, or the kernel behind it, refused. */
export function kernelFailure(what: string, error: unknown, next = ""): PfwError {
  const why = errorText(error);
  const code = isMissingFeature(why) ? ExitCode.missing : ExitCode.failed;
  return new PfwError(what, why, next, code, { cause: error });
}
