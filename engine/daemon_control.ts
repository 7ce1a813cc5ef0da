/** The running firewall as the control socket, and later other doors, get to handle it. */
import type { ReloadRequest, RuleHits } from "./control/client.ts";
import { explain, type ExplainAnswer, type ExplainRequest } from "./control/explain.ts";
import type { BanControl, ThreatControl } from "./control/intel_control.ts";
import type { Controlled } from "./control/server.ts";
import {
  describePolicy,
  hitsOfRules,
  type Mode,
  type RunningLifelines,
  type RunningStats,
  type RunningStatus,
} from "./control/status.ts";
import type { DaemonEnforcement } from "./daemon_enforcement.ts";
import type { DaemonIntel } from "./daemon_intel.ts";
import type { DaemonSafety } from "./daemon_safety.ts";
import type { DaemonWatch } from "./daemon_watch.ts";
import { SystemCommands } from "./kernel/command.ts";
import { findNetworkLifelines } from "./net/lifelines.ts";
import type { Losses } from "./observe/losses.ts";
import type { Totals } from "./observe/totals.ts";
import type { Matcher } from "./policy/matcher.ts";
import type { OnExit } from "./policy/settings.ts";
import type { Recorder } from "./recorder.ts";

/** Whom it asks. */
export interface ControlParts {
  readonly version: string;
  /** Path of the configuration. */
  readonly config: string;
  readonly since: Date;
  readonly totals: Totals;
  readonly losses: Losses;
  readonly matcher: Matcher;
  readonly recorder: Recorder;
  readonly safety: DaemonSafety;
  readonly watch: DaemonWatch;
  readonly intel: DaemonIntel;
  readonly enforcement: DaemonEnforcement;
  readonly reload: (request?: ReloadRequest) => Promise<string>;
  readonly setMode: (mode: Mode, force?: boolean) => Promise<boolean>;
  readonly stop: () => OnExit;
}

/** Answers for the running firewall. */
export class DaemonControl implements Controlled {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  get config(): string {
    return this.#parts.config;
  }

  get threats(): ThreatControl {
    return this.#parts.intel.threats;
  }

  get bans(): BanControl {
    return this.#parts.intel.bans;
  }

  async status(): Promise<RunningStatus> {
    const { version, config, matcher, watch, intel, enforcement, recorder } = this.#parts;
    const { guard } = enforcement;
    const bans = intel.bans.size;
    return {
      running: true,
      version,
      pid: Deno.pid,
      ...this.stats(),
      config,
      policy: { ...describePolicy(matcher.policy), bans },
      devices: watch.devices(),
      feeds: intel.threats.answer().feeds,
      bans,
      kernel: await guard?.inspect(),
      drift: guard?.drift,
      database: { path: recorder.path, fault: recorder.fault ?? null },
      memory: Deno.memoryUsage().rss,
    };
  }

  stats(): RunningStats {
    const { since, enforcement, totals, losses, watch } = this.#parts;
    watch.countLosses();
    return {
      since: since.toISOString(),
      mode: enforcement.mode,
      totals: totals.toJSON(),
      losses: losses.toJSON(),
    };
  }

  async ruleHits(): Promise<RuleHits[]> {
    const counters = await this.#parts.enforcement.guard?.counters();
    return counters ? hitsOfRules(counters) : [];
  }

  lifelines(): RunningLifelines {
    return this.#parts.safety.lifelines();
  }

  explain(request: ExplainRequest): Promise<ExplainAnswer> {
    const { matcher, intel, enforcement } = this.#parts;
    const { bans, threats } = intel;
    return explain(request, {
      policy: { ...matcher.policy, bans: bans.prefixes },
      own: findNetworkLifelines().own,
      banOf: (address) => bans.covering(address),
      listingsOf: (address) => threats.listings(address),
      commands: enforcement.guard && new SystemCommands(),
    });
  }

  reload(request?: ReloadRequest): Promise<string> {
    return this.#parts.reload(request);
  }

  setMode(mode: Mode, force?: boolean): Promise<boolean> {
    return this.#parts.setMode(mode, force);
  }

  stop(): OnExit {
    return this.#parts.stop();
  }
}
