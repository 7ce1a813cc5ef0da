/** The running firewall as the control socket, and later other doors, get to handle it. */
import type { Reloaded, ReloadRequest, RuleHits } from "./control/client.ts";
import { ConfigEdits, type WrittenChange } from "./control/config_edits.ts";
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
import { DaemonEdits } from "./daemon_edits.ts";
import type { DaemonEnforcement } from "./daemon_enforcement.ts";
import type { EditAnswer, EditRequest } from "./control/edit_by_running.ts";
import type { DaemonIntel } from "./daemon_intel.ts";
import type { DaemonListeners } from "./daemon_listeners.ts";
import type { DaemonSafety } from "./daemon_safety.ts";
import { DaemonViews } from "./daemon_views.ts";
import type { DaemonWatch } from "./daemon_watch.ts";
import { SystemCommands } from "./kernel/command.ts";
import type { KernelCounters } from "./kernel/counters.ts";
import { findNetworkLifelines } from "./net/lifelines.ts";
import { ownEndTowards } from "./net/own_end.ts";
import type { Paths } from "./paths.ts";
import type { Viewers } from "./net/viewers.ts";
import type { Losses } from "./observe/losses.ts";
import type { Totals } from "./observe/totals.ts";
import type { ConfigReader } from "./policy/config_file.ts";
import type { Matcher } from "./policy/matcher.ts";
import type { PolicyRule } from "./policy/policy.ts";
import type { OnExit } from "./policy/settings.ts";
import type { Recorder } from "./recorder.ts";

/** Whom it asks. */
export interface ControlParts {
  readonly version: string;
  readonly paths: Paths;
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
  readonly enforcement: DaemonEnforcement;
  readonly listeners: DaemonListeners;
  readonly viewers: Viewers;
  readonly reload: (request?: ReloadRequest, change?: WrittenChange) => Promise<Reloaded>;
  readonly setMode: (mode: Mode, force?: boolean) => Promise<boolean>;
  readonly stop: () => OnExit;
}

/** Answers for the running firewall. */
export class DaemonControl implements Controlled, Disposable {
  readonly #parts: ControlParts;
  /** Changes of the configuration by another door than the command line. */
  readonly edits: ConfigEdits;
  readonly views: DaemonViews;
  /** The changes that commands hand over. */
  readonly #commands: DaemonEdits;

  constructor(parts: ControlParts) {
    this.#parts = parts;
    const { paths, reader, safety, enforcement, listeners } = parts;
    this.edits = new ConfigEdits({
      reader,
      safety,
      mode: () => enforcement.mode,
      expectChange: () => parts.enforcement.expectChange(),
      reload: parts.reload,
      pendingChanged: () => listeners.changed("pending"),
    });
    const { config, dataDir } = paths;
    this.#commands = new DaemonEdits({ config, dataDir, edits: this.edits });
    this.views = new DaemonViews({
      paths,
      reader,
      status: () => this.status(),
      counters: () => this.kernelCounters(),
      pending: () => this.edits.pending(),
    });
    listeners.add({ tick: () => this.views.tick(), changed: () => this.views.forget() });
  }

  get config(): string {
    return this.#parts.paths.config;
  }

  get paths(): Paths {
    return this.#parts.paths;
  }

  /** From where the dashboard is looked at. */
  get viewers(): Viewers {
    return this.#parts.viewers;
  }

  get since(): Date {
    return this.#parts.since;
  }

  /** Empty where it is not known. */
  interfaceName(index: number): string {
    return this.#parts.recorder.nameOfInterface(index);
  }

  /** What the kernel counted; `undefined` while nothing is enforced. */
  async kernelCounters(): Promise<KernelCounters | undefined> {
    return await this.#parts.enforcement.guard?.counters();
  }

  /** The rules that are switched on. */
  rules(): readonly PolicyRule[] {
    return this.#parts.matcher.policy.rules;
  }

  get threats(): ThreatControl {
    return this.#parts.intel.threats;
  }

  get bans(): BanControl {
    return this.#parts.intel.bans;
  }

  async status(): Promise<RunningStatus> {
    const { version, matcher, watch, intel, enforcement, recorder } = this.#parts;
    const { guard } = enforcement;
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
      dashboard: this.#parts.viewers.url ?? null,
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
    const counters = await this.kernelCounters();
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
      ownEnd: ownEndTowards,
      banOf: (address) => bans.covering(address),
      listingsOf: (address) => threats.listings(address),
      commands: enforcement.guard && new SystemCommands(),
    });
  }

  reload(request?: ReloadRequest): Promise<Reloaded> {
    return this.#parts.reload(request);
  }

  setMode(mode: Mode, force?: boolean): Promise<boolean> {
    return this.#parts.setMode(mode, force);
  }

  edit(request: EditRequest, isGone: () => boolean): Promise<EditAnswer | undefined> {
    return this.#commands.edit(request, isGone);
  }

  stop(): OnExit {
    return this.#parts.stop();
  }

  [Symbol.dispose](): void {
    this.views[Symbol.dispose]();
  }
}
