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
import type { EditAnswer, EditRequest } from "./control/edit_by_running.ts";
import { DaemonEdits } from "./daemon_edits.ts";
import type { DaemonIntel } from "./daemon_intel.ts";
import type { DaemonSafety } from "./daemon_safety.ts";
import type { DaemonWatch } from "./daemon_watch.ts";
import { SystemCommands } from "./kernel/command.ts";
import type { KernelGuard } from "./kernel_guard.ts";
import { findNetworkLifelines } from "./net/lifelines.ts";
import type { Losses } from "./observe/losses.ts";
import type { Totals } from "./observe/totals.ts";
import type { ConfigReader } from "./policy/config_file.ts";
import type { Matcher } from "./policy/matcher.ts";
import type { OnExit } from "./policy/settings.ts";
import type { Recorder } from "./recorder.ts";

/** Whom it asks. */
export interface ControlParts {
  readonly version: string;
  readonly mode: Mode;
  /** Reads the configuration. */
  readonly reader: ConfigReader;
  readonly since: Date;
  readonly totals: Totals;
  readonly losses: Losses;
  readonly matcher: Matcher;
  readonly recorder: Recorder;
  readonly safety: DaemonSafety;
  readonly watch: DaemonWatch;
  readonly intel: DaemonIntel;
  /** Absent while only looking on. */
  readonly guard: KernelGuard | undefined;
  readonly reload: (request?: ReloadRequest) => Promise<string>;
  readonly stop: () => OnExit;
}

/** Answers for the running firewall. */
export class DaemonControl implements Controlled {
  readonly #parts: ControlParts;
  readonly #edits: DaemonEdits;

  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.#edits = new DaemonEdits(parts);
  }

  get config(): string {
    return this.#parts.reader.file;
  }

  get threats(): ThreatControl {
    return this.#parts.intel.threats;
  }

  get bans(): BanControl {
    return this.#parts.intel.bans;
  }

  async status(): Promise<RunningStatus> {
    const { version, matcher, watch, intel, guard, recorder } = this.#parts;
    const bans = intel.bans.size;
    return {
      running: true,
      version,
      pid: Deno.pid,
      ...this.stats(),
      config: this.config,
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
    const { since, mode, totals, losses, watch } = this.#parts;
    watch.countLosses();
    return {
      since: since.toISOString(),
      mode,
      totals: totals.toJSON(),
      losses: losses.toJSON(),
    };
  }

  async ruleHits(): Promise<RuleHits[]> {
    const counters = await this.#parts.guard?.counters();
    return counters ? hitsOfRules(counters) : [];
  }

  lifelines(): RunningLifelines {
    return this.#parts.safety.lifelines();
  }

  explain(request: ExplainRequest): Promise<ExplainAnswer> {
    const { matcher, intel, guard } = this.#parts;
    const { bans, threats } = intel;
    return explain(request, {
      policy: { ...matcher.policy, bans: bans.prefixes },
      own: findNetworkLifelines().own,
      banOf: (address) => bans.covering(address),
      listingsOf: (address) => threats.listings(address),
      commands: guard && new SystemCommands(),
    });
  }

  reload(request?: ReloadRequest): Promise<string> {
    return this.#parts.reload(request);
  }

  edit(request: EditRequest, isGone: () => boolean): Promise<EditAnswer | undefined> {
    return this.#edits.edit(request, isGone);
  }

  stop(): OnExit {
    return this.#parts.stop();
  }
}
