/** The running firewall: starts in the order that leaves no gap, and ends without a trace. */
import { CaptureDevice, NFLOG_GROUP, type TapOptions } from "./capture.ts";
import type { ReloadRequest, RuleHits } from "./control/client.ts";
import { type Controlled, ControlServer } from "./control/server.ts";
import {
  describePolicy,
  hitsOfRules,
  type Mode,
  type RunningLifelines,
  type RunningStats,
  type RunningStatus,
  summarizePolicy,
} from "./control/status.ts";
import { DaemonSafety, type StartManner } from "./daemon_safety.ts";
import type { DaemonView } from "./daemon_view.ts";
import { DropPrefixes } from "./drop_prefixes.ts";
import { errorText } from "./errors.ts";
import { SystemCommands } from "./kernel/command.ts";
import { requireEnforcement } from "./kernel/requirements.ts";
import { enforcerOf, KernelGuard } from "./kernel_guard.ts";
import { MemoryKeeper } from "./memory.ts";
import { LocalAddresses } from "./net/local_addresses.ts";
import { type AppLog, openLog } from "./observe/application_log.ts";
import { EventDetails } from "./observe/event_details.ts";
import { Losses } from "./observe/losses.ts";
import { Totals } from "./observe/totals.ts";
import { Observer } from "./observer.ts";
import type { Paths } from "./paths.ts";
import { Pipeline } from "./pipeline.ts";
import { buildPolicy } from "./policy/build_policy.ts";
import { loadConfig, readConfigFile } from "./policy/config_file.ts";
import { Matcher } from "./policy/matcher.ts";
import type { Policy } from "./policy/policy.ts";
import { type OnExit, type Settings, settingsOf } from "./policy/settings.ts";
import { Recorder } from "./recorder.ts";
import { lockRunDirectory, makeDirectories } from "./run_files.ts";

/** Time in which the kernel's last reports surely arrive, in milliseconds. */
const LAST_REPORTS = 300;
/** Seconds between two looks at this machine's addresses, and at what the database may forget. */
const ADDRESS_INTERVAL = 2;
const PRUNE_INTERVAL = 60;

/** How pfw is started. */
export interface DaemonOptions extends StartManner {
  readonly paths: Paths;
  readonly mode: Mode;
  readonly version: string;
  /** Interfaces to watch; none means `any`. */
  readonly interfaces: readonly string[];
  readonly tap: TapOptions;
}

/** A running pfw. */
export class Daemon implements Controlled {
  readonly #options: DaemonOptions;
  readonly #since = new Date();
  readonly #totals = new Totals();
  readonly #losses = new Losses();
  readonly #details = new EventDetails();
  readonly #prefixes = new DropPrefixes(this.#details);
  readonly #own = new LocalAddresses();
  readonly #cleanup = new AsyncDisposableStack();
  readonly #memory = this.#cleanup.use(new MemoryKeeper());
  #log!: AppLog;
  #recorder!: Recorder;
  #matcher!: Matcher;
  #pipeline!: Pipeline;
  #devices: CaptureDevice[] = [];
  #observer!: Observer;
  #guard: KernelGuard | undefined;
  #settings!: Settings;
  #safety!: DaemonSafety;
  #reloading: Promise<unknown> = Promise.resolve();
  #seconds = 0;
  /** Called before rows are written, with the view that `view` gives. */
  onEvents: () => void = () => {};

  private constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /**
   * Starts pfw. When this returns, the kernel enforces (or, in monitor mode, the taps are open) and
   * the control socket answers.
   *
   * @throws PfwError with nothing left behind; what a crashed run left in the kernel stays there
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    try {
      await daemon.#start();
      return daemon;
    } catch (error) {
      daemon.#log?.error(`start failed: ${errorText(error)}`);
      await daemon.#cleanup.disposeAsync();
      throw error;
    }
  }

  /** What is to be seen from outside. */
  get view(): DaemonView {
    return {
      mode: this.#options.mode,
      totals: this.#totals,
      losses: this.#losses,
      details: this.#details,
      blocked: this.#recorder.blocked,
    };
  }

  /** For people: what was set up. */
  summary = "";

  /** For people: what the policy cuts that they may need. */
  get warnings(): readonly string[] {
    return this.#safety.warnings;
  }

  /** What becomes of the rules in the kernel when pfw ends in good order. */
  get onExit(): OnExit {
    return this.#settings.onExit;
  }

  /** Runs until `stop` is called, then takes everything down. */
  async run(): Promise<void> {
    try {
      await this.#observer.run();
      await this.#end();
    } finally {
      await this.#cleanup.disposeAsync();
    }
  }

  stop(): OnExit {
    this.#observer.stop();
    return this.onExit;
  }

  /** Reads the configuration again; the running policy stays where it is refused. */
  reload(request: ReloadRequest = {}): Promise<string> {
    const next = this.#reloading.then(() => this.#reload(request));
    this.#reloading = next.catch((error) => {
      this.#log.error(`reload refused, the running policy stays: ${errorText(error)}`);
    });
    return next;
  }

  get config(): string {
    return this.#options.paths.config;
  }

  async status(): Promise<RunningStatus> {
    return {
      running: true,
      version: this.#options.version,
      pid: Deno.pid,
      ...this.stats(),
      config: this.config,
      policy: describePolicy(this.#matcher.policy),
      devices: this.#devices.map((device) => ({
        name: device.name,
        open: device.isOpen,
        ...device.counters(),
      })),
      kernel: await this.#guard?.inspect(),
      drift: this.#guard?.drift,
      database: { path: this.#options.paths.database, fault: this.#recorder.fault ?? null },
      memory: Deno.memoryUsage().rss,
    };
  }

  stats(): RunningStats {
    this.#observer.countLosses();
    return {
      since: this.#since.toISOString(),
      mode: this.#options.mode,
      totals: this.#totals.toJSON(),
      losses: this.#losses.toJSON(),
    };
  }

  lifelines(): RunningLifelines {
    return this.#safety.lifelines();
  }

  async ruleHits(): Promise<RuleHits[]> {
    const counters = await this.#guard?.counters();
    return counters ? hitsOfRules(counters) : [];
  }

  async #start(): Promise<void> {
    const { paths, mode } = this.#options;
    const commands = new SystemCommands();
    if (mode === "enforce") await requireEnforcement(commands);
    makeDirectories(paths);
    this.#cleanup.use(lockRunDirectory(paths));
    const { config, text } = await loadConfig(paths.config);
    const policy = buildPolicy(config);
    this.#settings = settingsOf(config);
    this.#openFiles();
    this.#safety.checkStart(policy, this.#options);
    this.#refreshAddresses();
    this.#makePipeline(policy);
    this.#openDevices();
    if (mode === "enforce") await this.#enforce(commands, policy);
    else this.summary = `monitoring only, the kernel is unchanged; ${summarizePolicy(policy)}`;
    await this.#safety.note(text, { command: "start" });
    await this.#listen();
    this.#memory.loaded();
    this.#log.info(`ready: ${this.summary}`);
  }

  #openFiles(): void {
    const { paths, mode } = this.#options;
    this.#log = openLog(paths);
    this.#cleanup.defer(() => this.#log.close());
    this.#log.info(`pfw ${this.#options.version} starts (${this.#options.mode})`);
    const reload = () => this.reload({ isJudged: true });
    this.#safety = new DaemonSafety({ paths, mode, log: this.#log, reload });
    this.#recorder = this.#cleanup.use(
      new Recorder({
        database: paths.database,
        retention: this.#retention(),
        isEnforced: mode === "enforce",
        details: this.#details,
        totals: this.#totals,
        losses: this.#losses,
        log: this.#log,
      }),
    );
  }

  #makePipeline(policy: Policy): void {
    this.#matcher = new Matcher(policy);
    this.#pipeline = new Pipeline({
      enforcement: this.#options.mode === "enforce" ? "kernel" : "none",
      matcher: this.#matcher,
      own: this.#own,
      totals: this.#totals,
      blocked: this.#recorder.blocked,
      allowed: this.#recorder.allowed,
      prefixes: this.#prefixes,
      sample: this.#settings.allowedSample,
    });
  }

  /** The group of reports is opened before the first drop can happen, and keeps a second pfw out. */
  #openDevices(): void {
    const { mode, interfaces, tap } = this.#options;
    const notice = (text: string) => this.#log.warn(text);
    const open = (device: CaptureDevice) => this.#devices.push(this.#cleanup.use(device));
    if (mode === "enforce") open(CaptureDevice.nflog(NFLOG_GROUP, notice));
    const names = interfaces.length > 0 ? [...new Set(interfaces)] : ["any"];
    for (const name of names) open(CaptureDevice.tap(name, notice, tap));
    this.#observer = this.#cleanup.use(
      new Observer(this.#devices, this.#pipeline, this.#losses, {
        beforeFlush: () => this.onEvents(),
        flush: () => this.#recorder.flush(),
        tick: () => this.#tick(),
      }),
    );
    if (names.includes("any")) return;
    const taps = this.#devices.filter((device) => !device.isNflog);
    this.#pipeline.isWatched = (index) => taps.some((device) => device.interfaceIndex === index);
  }

  async #enforce(commands: SystemCommands, policy: Policy): Promise<void> {
    const log = (message: string) => this.#log.warn(message);
    this.#guard = new KernelGuard({
      enforcer: enforcerOf(this.#options.paths, commands, log),
      prefixes: this.#prefixes,
      totals: this.#totals,
      losses: this.#losses,
      log: this.#log,
    });
    const guard = this.#guard;
    this.#cleanup.defer(() => guard.stop());
    const result = await guard.apply(policy);
    this.summary = `${summarizePolicy(policy)}; in force after ${
      Math.round(result.milliseconds)
    } ms`;
    guard.watch();
  }

  async #listen(): Promise<void> {
    try {
      const server = new ControlServer(this.#options.paths.socket, this);
      this.#cleanup.defer(() => server.close());
    } catch (error) {
      // Nobody could stop it: better not to run than to run out of reach.
      await this.#guard?.remove();
      throw error;
    }
  }

  async #reload(request: ReloadRequest): Promise<string> {
    const started = performance.now();
    const { config, text } = await readConfigFile(this.#options.paths.config);
    const policy = buildPolicy(config);
    if (!request.isJudged) this.#safety.checkReload(policy, this.#matcher.policy);
    // The names first: reports under the new policy may come before the next line runs.
    const details = this.#prefixes.ruleDetails(policy);
    await this.#guard?.apply(policy);
    this.#matcher.replacePolicy(policy);
    this.#pipeline.setRuleDetails(details);
    this.#settings = settingsOf(config);
    this.#pipeline.setSample(this.#settings.allowedSample);
    this.#recorder.setRetention(this.#retention());
    await this.#safety.note(text, request);
    this.#memory.loaded();
    const milliseconds = Math.round(performance.now() - started);
    const summary = `${summarizePolicy(policy)} (${milliseconds} ms)`;
    this.#log.info(`reloaded: ${summary}`);
    return summary;
  }

  /** The last reports are taken in after the chains are gone: nothing can be dropped any more. */
  async #end(): Promise<void> {
    this.#log.info("stopping");
    await this.#safety.end();
    if (this.#guard) {
      const guard = this.#guard;
      if (this.onExit === "keep") await guard.stop();
      else await guard.remove();
      await this.#observer.drain(LAST_REPORTS);
      guard.reconcile(await guard.counters());
    } else {
      await this.#observer.drain(0);
    }
    const { packets, blocked, wouldBlock } = this.#totals.toJSON();
    this.#log.info(`stopped: ${packets} packets, ${blocked} blocked, ${wouldBlock} would block`);
  }

  #retention() {
    return { seconds: this.#settings.retention, bytes: this.#settings.maxSize };
  }

  #tick(): void {
    this.#seconds++;
    this.#safety.tick();
    if (this.#seconds % ADDRESS_INTERVAL === 0) this.#refreshAddresses();
    if (this.#seconds % PRUNE_INTERVAL === 0) this.#recorder.prune();
  }

  #refreshAddresses(): void {
    this.#own.update(Deno.networkInterfaces());
    this.#recorder.forgetInterfaceNames();
  }
}
