/**
 * The kernel's side of a running firewall: applies policies, looks every few seconds whether all
 * is still in place, and compares the kernel's counters with the reports that arrived.
 */
import { NFLOG_GROUP } from "./capture.ts";
import { errorText, PfwError } from "./errors.ts";
import { FloodWatch } from "./flood_watch.ts";
import type { TimedPrefix } from "./kernel/bans.ts";
import type { Commands } from "./kernel/command.ts";
import { type ApplyResult, Enforcer, type Inspection } from "./kernel/enforcer.ts";
import type { KernelCounters } from "./kernel/counters.ts";
import type { Prefix } from "./net/address.ts";
import type { AppLog } from "./observe/application_log.ts";
import type { Paths } from "./paths.ts";
import type { Policy } from "./policy/policy.ts";
import { kernelStateFile } from "./run_files.ts";
import { type Reports, UnreportedDrops, type UnreportedParts } from "./unreported_drops.ts";

/** Milliseconds between two looks; another tool's damage is mended within this time. */
const CHECK_INTERVAL = 5000;
/** The same while more is dropped than reported: only the counters tell how much it is. */
const FLOOD_INTERVAL = 1000;
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
export interface GuardParts extends UnreportedParts {
  readonly enforcer: Enforcer;
  readonly log: Pick<AppLog, "info" | "warn" | "error">;
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
  readonly #unreported: UnreportedDrops;
  /** More is dropped than reported. */
  #isOverrun = false;
  readonly #floods = new FloodWatch();

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#unreported = new UnreportedDrops(parts);
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
    }, this.#isOverrun ? FLOOD_INTERVAL : CHECK_INTERVAL);
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

  /** Takes in what the kernel dropped without a report; see `UnreportedDrops`. */
  reconcile(counters: KernelCounters, before?: Reports): void {
    this.#isOverrun = this.#unreported.compare(counters, before);
  }

  /**
   * Looks for floods from threat lists, and has the kernel meet them; to be called often. Where that
   * fails the next check tries again, and says why.
   */
  lookForFlood(): void {
    const { enforcer, prefixes, log } = this.#parts;
    const wasFlooded = this.#floods.isFlooded;
    const isFlooded = this.#floods.see(prefixes.reportsOf("threat"), performance.now());
    if (isFlooded === wasFlooded || this.#stopped) return;
    enforcer.defend(isFlooded).then(() =>
      log.info(
        isFlooded
          ? "flooded from listed addresses: threat lists are asked before connection tracking"
          : "the flood from listed addresses is over: threat lists are asked once a connection",
      ), () => {});
  }

  async #check(): Promise<void> {
    const { enforcer, log } = this.#parts;
    try {
      const before = this.#unreported.reports();
      const differences = await enforcer.restoreIfDrifted();
      if (differences.length > 0) this.#noteRepair(differences);
      const counters = enforcer.counted();
      await new Promise((resolve) => setTimeout(resolve, REPORT_DELAY));
      if (!this.#stopped) this.reconcile(counters, before);
      await enforcer.defend(this.#floods.isFlooded);
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
