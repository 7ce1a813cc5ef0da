/** Whether the running firewall enforces, and by what: both may change while it runs. */
import type { Mode } from "./control/status.ts";
import type { DaemonBans } from "./daemon_bans.ts";
import type { DaemonSafety } from "./daemon_safety.ts";
import type { DaemonWatch } from "./daemon_watch.ts";
import { errorText } from "./errors.ts";
import { type Commands, SystemCommands } from "./kernel/command.ts";
import type { Enforcer } from "./kernel/enforcer.ts";
import { requireEnforcement } from "./kernel/requirements.ts";
import { enforcerOf, type GuardParts, KernelGuard } from "./kernel_guard.ts";
import type { AppLog } from "./observe/application_log.ts";
import type { Paths } from "./paths.ts";
import type { Policy } from "./policy/policy.ts";
import type { Recorder } from "./recorder.ts";

/** Time in which the kernel's last reports surely arrive, in milliseconds. */
export const LAST_REPORTS = 300;

/** What it works with. */
export interface EnforcementParts extends Omit<GuardParts, "enforcer" | "log"> {
  readonly paths: Paths;
  readonly log: AppLog;
  readonly safety: DaemonSafety;
}

/** Who has to know which of the two it is. */
export interface EnforcementUsers {
  readonly watch: DaemonWatch;
  readonly recorder: Recorder;
  readonly bans: DaemonBans;
}

/** Enforcing in the kernel, or only looking on. */
export class DaemonEnforcement {
  readonly #parts: EnforcementParts;
  #mode: Mode;
  #guard: KernelGuard | undefined;
  #enforcer: Enforcer | undefined;

  /** Nothing is done before `open`. */
  constructor(mode: Mode, parts: EnforcementParts) {
    this.#mode = mode;
    this.#parts = parts;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** Who looks after the kernel; absent while only looking on. */
  get guard(): KernelGuard | undefined {
    return this.#guard;
  }

  /** A policy will be put in force at once: the kernel may be read meanwhile. */
  expectChange(): void {
    if (this.#guard) this.#enforcer?.readAhead();
  }

  /** At start: gets ready to enforce, where that is wanted. */
  open(): void {
    if (this.#mode === "enforce") this.#guard = this.#newGuard(new SystemCommands());
  }

  /**
   * Begins to enforce while pfw runs, or ends it.
   *
   * @param force also where the policy cuts what the operator depends on
   * @returns false where it is so already
   * @throws PfwError with everything as it was
   */
  async change(
    mode: Mode,
    users: EnforcementUsers,
    policy: Policy,
    force: boolean,
  ): Promise<boolean> {
    if (mode === this.#mode) return false;
    if (mode === "enforce") await this.#begin(users, policy, force);
    else await this.#end(this.#guard!, users, policy);
    this.#parts.log.warn(mode === "enforce" ? "enforcing from now on" : "only monitoring now");
    return true;
  }

  /** Ends the watch over the kernel, which keeps what it has. */
  async stop(): Promise<void> {
    await this.#guard?.stop();
  }

  #newGuard(commands: Commands): KernelGuard {
    const { paths, log } = this.#parts;
    this.#enforcer = enforcerOf(paths, commands, (message) => log.warn(message));
    return new KernelGuard({ ...this.#parts, enforcer: this.#enforcer });
  }

  async #begin(users: EnforcementUsers, policy: Policy, force: boolean): Promise<void> {
    const commands = new SystemCommands();
    await requireEnforcement(commands);
    if (!force) this.#parts.safety.checkEnforcing(policy);
    const guard = this.#newGuard(commands);
    users.watch.openReports();
    // From here on no block counts unless the kernel reports it: better too few than made up.
    this.#tell(users, "enforce", guard);
    try {
      await guard.apply(policy);
    } catch (error) {
      this.#tell(users, "monitor", undefined);
      await users.watch.closeReports();
      throw error;
    }
    guard.watch();
  }

  async #end(guard: KernelGuard, users: EnforcementUsers, policy: Policy): Promise<void> {
    try {
      await guard.remove();
    } catch (error) {
      await this.#goOn(users, policy);
      throw error;
    }
    // The loop that reads them goes on meanwhile.
    await new Promise((resolve) => setTimeout(resolve, LAST_REPORTS));
    guard.reconcile(await guard.counters());
    this.#tell(users, "monitor", undefined);
    await users.watch.closeReports();
  }

  /** What could not be taken out is put in again, whole, and looked after. */
  async #goOn(users: EnforcementUsers, policy: Policy): Promise<void> {
    const guard = this.#newGuard(new SystemCommands());
    this.#tell(users, "enforce", guard);
    await guard.apply(policy).catch((error) => {
      this.#parts.log.error(`cannot put the policy back, the next look will: ${errorText(error)}`);
    });
    guard.watch();
  }

  #tell({ watch, recorder, bans }: EnforcementUsers, mode: Mode, guard: KernelGuard | undefined) {
    this.#mode = mode;
    this.#guard = guard;
    this.#parts.safety.mode = mode;
    watch.pipeline.setEnforcement(mode === "enforce" ? "kernel" : "none");
    recorder.setEnforced(mode === "enforce");
    bans.setEnforcement(guard);
  }
}
