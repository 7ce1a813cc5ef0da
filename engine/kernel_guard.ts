/**
 * The kernel's side of a running firewall: applies policies, looks every few seconds whether all
 * is still in place, and compares the kernel's counters with the reports that arrived.
 */
import { NFLOG_GROUP } from "./capture.ts";
import type { DropPrefixes } from "./drop_prefixes.ts";
import { errorText, PfwError } from "./errors.ts";
import type { TimedPrefix } from "./kernel/bans.ts";
import type { Commands } from "./kernel/command.ts";
import { type ApplyResult, Enforcer, type Inspection } from "./kernel/enforcer.ts";
import type { KernelCounters } from "./kernel/counters.ts";
import type { Prefix } from "./net/address.ts";
import type { AppLog } from "./observe/application_log.ts";
import type { Losses } from "./observe/losses.ts";
import type { Totals } from "./observe/totals.ts";
import type { Paths } from "./paths.ts";
import type { Policy } from "./policy/policy.ts";
import { type ReasonCode, REASONS } from "./policy/verdict.ts";
import { kernelStateFile } from "./run_files.ts";

/** Milliseconds between two looks; another tool's damage is mended within this time. */
const CHECK_INTERVAL = 5000;
/** Time in which a report that is still on its way surely arrives. */
const REPORT_DELAY = 600;

/** What was repaired so far. */
export interface DriftReport {
  readonly repaired: number;
  readonly failed: number;
  /** ISO time and description of the last one. */
  readonly last?: { readonly at: string; readonly differences: readonly string[] };
}

/** What the guard works with. */
export interface GuardParts {
  readonly enforcer: Enforcer;
  readonly prefixes: DropPrefixes;
  readonly totals: Totals;
  readonly losses: Losses;
  readonly log: Pick<AppLog, "warn" | "error">;
}

/** The enforcer of whoever works with these directories. */
export function enforcerOf(
  paths: Paths,
  commands: Commands,
  log?: (message: string) => void,
): Enforcer {
  return new Enforcer({
    commands,
    nflogGroup: NFLOG_GROUP,
    stateFile: kernelStateFile(paths),
    log,
  });
}

/** Keeps the kernel as the policy wants it. */
export class KernelGuard {
  readonly #parts: GuardParts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #checking: Promise<void> = Promise.resolve();
  #stopped = false;
  #repaired = 0;
  #failed = 0;
  #last: DriftReport["last"];
  /** By reason and rule: reports that came before this guard. */
  readonly #earlier: ReadonlyMap<string, number>;
  /** By reason and rule: drops whose reports are taken for lost. */
  readonly #unreported = new Map<string, number>();

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#earlier = this.#reports();
  }

  /** Applies a policy; see `Enforcer.applyFirst`. Not once the end has begun: it would stay for good. */
  async apply(policy: Policy): Promise<ApplyResult> {
    if (this.#stopped) throw new PfwError("cannot apply a policy", "pfw is stopping");
    return await this.#parts.enforcer.applyFirst(policy);
  }

  /** What `apply` shall find banned; see `Enforcer.setBans`. */
  setBans(bans: readonly TimedPrefix[]): void {
    this.#parts.enforcer.setBans(bans);
  }

  /** Bans and unbans; see `Enforcer.changeBans`. Not once the end has begun. */
  async changeBans(add: readonly TimedPrefix[], remove: readonly Prefix[]): Promise<void> {
    if (this.#stopped) throw new PfwError("cannot change the bans", "pfw is stopping");
    await this.#parts.enforcer.changeBans(add, remove);
  }

  /** Begins to look after the kernel. */
  watch(): void {
    this.#timer = setTimeout(() => {
      this.#checking = this.#check().finally(() => {
        if (!this.#stopped) this.watch();
      });
    }, CHECK_INTERVAL);
  }

  /** Takes everything out of the kernel and counts for the last time. */
  async remove(): Promise<void> {
    await this.stop();
    await this.#parts.enforcer.remove();
  }

  /** Ends the watch; the kernel keeps what it has. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#checking;
    await this.#parts.enforcer.settled();
  }

  /** What the kernel holds now. */
  inspect(): Promise<Inspection> {
    return this.#parts.enforcer.inspect();
  }

  /** What the kernel counted since the start. */
  counters(): Promise<KernelCounters> {
    return this.#parts.enforcer.counters();
  }

  /** What was repaired so far. */
  get drift(): DriftReport {
    return { repaired: this.#repaired, failed: this.#failed, last: this.#last };
  }

  /**
   * Counts the drops that the kernel made and whose reports did not arrive in time, and no longer
   * those whose reports came late.
   *
   * @param counters a reading older than the time that a report may take
   * @param before the reports that had come when it was begun; at the end, all that ever came
   */
  reconcile(counters: KernelCounters, before = this.#reports()): void {
    const reported = this.#reports();
    for (const { reason, ruleId, packets } of counters.drops) {
      const key = keyOf(reason, ruleId ?? "");
      const unreported = this.#unreported.get(key) ?? 0;
      const known = (reports: ReadonlyMap<string, number>) =>
        (reports.get(key) ?? 0) - (this.#earlier.get(key) ?? 0) + unreported;
      const lost = Math.max(0, packets - known(reported));
      // What was reported before the reading is in it: anything beyond it was no loss.
      const late = Math.min(unreported, Math.max(0, known(before) - packets));
      if (lost !== late) this.#countLost(key, reason, lost - late);
    }
  }

  #countLost(key: string, reason: ReasonCode, packets: number): void {
    const { totals, losses } = this.#parts;
    this.#unreported.set(key, (this.#unreported.get(key) ?? 0) + packets);
    losses.nflogLost += packets;
    totals.blockedUnseen(Date.now() / 1000, REASONS.indexOf(reason), packets, 0);
  }

  /** Reports so far, by reason and rule. */
  #reports(): Map<string, number> {
    const reports = new Map<string, number>();
    for (const drop of this.#parts.prefixes.drops()) {
      const key = keyOf(REASONS[drop.reason], drop.ruleId);
      reports.set(key, (reports.get(key) ?? 0) + drop.packets);
    }
    return reports;
  }

  async #check(): Promise<void> {
    const { enforcer, log } = this.#parts;
    try {
      const differences = await enforcer.restoreIfDrifted();
      if (differences.length > 0) this.#noteRepair(differences);
      const before = this.#reports();
      const counters = await enforcer.counters();
      await new Promise((resolve) => setTimeout(resolve, REPORT_DELAY));
      if (!this.#stopped) this.reconcile(counters, before);
    } catch (error) {
      this.#failed++;
      log.error(`cannot check or repair the kernel: ${errorText(error)}`);
    }
  }

  #noteRepair(differences: readonly string[]): void {
    this.#repaired++;
    this.#last = { at: new Date().toISOString(), differences };
    this.#parts.log.warn(`repaired what another program changed: ${differences.join(", ")}`);
  }
}

function keyOf(reason: string, ruleId: string): string {
  return `${reason}:${ruleId}`;
}
