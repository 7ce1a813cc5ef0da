/** The running firewall: starts in the order that leaves no gap, and ends without a trace. */
import type { Reloaded, ReloadRequest } from "./control/client.ts";
import { ControlServer } from "./control/server.ts";
import { summarizePolicy } from "./control/status.ts";
import { DaemonControl } from "./daemon_control.ts";
import { DaemonEnforcement, LAST_REPORTS } from "./daemon_enforcement.ts";
import { DaemonIntel } from "./daemon_intel.ts";
import { type DaemonListener, DaemonListeners } from "./daemon_listeners.ts";
import { DaemonPolicy } from "./daemon_policy.ts";
import type { DaemonOptions } from "./daemon_options.ts";
import { DaemonSafety } from "./daemon_safety.ts";
import type { DaemonView } from "./daemon_view.ts";
import { DaemonWatch } from "./daemon_watch.ts";
import { DropPrefixes } from "./drop_prefixes.ts";
import { errorText } from "./errors.ts";
import { SystemCommands } from "./kernel/command.ts";
import { requireEnforcement } from "./kernel/requirements.ts";
import type { KernelGuard } from "./kernel_guard.ts";
import { MemoryKeeper } from "./memory.ts";
import { LocalAddresses } from "./net/local_addresses.ts";
import { Viewers } from "./net/viewers.ts";
import { type AppLog, openLog } from "./observe/application_log.ts";
import { EventDetails } from "./observe/event_details.ts";
import { Losses } from "./observe/losses.ts";
import type { FlushResult } from "./observe/store.ts";
import { Totals } from "./observe/totals.ts";
import { buildPolicy } from "./policy/build_policy.ts";
import { ConfigReader } from "./policy/config_file.ts";
import { Matcher } from "./policy/matcher.ts";
import type { Policy } from "./policy/policy.ts";
import type { Config } from "./policy/schema.ts";
import { type OnExit, retentionOf, type Settings, settingsOf } from "./policy/settings.ts";
import { Recorder } from "./recorder.ts";
import { lockRunDirectory, makeDirectories } from "./run_files.ts";

/** Seconds between two looks at this machine's addresses, and at what the database may forget. */
const ADDRESS_INTERVAL = 2, PRUNE_INTERVAL = 60;

/** A running pfw. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #reader: ConfigReader;
  readonly #since = new Date();
  readonly #totals = new Totals();
  readonly #losses = new Losses();
  readonly #details = new EventDetails();
  readonly #prefixes = new DropPrefixes(this.#details);
  readonly #own = new LocalAddresses();
  readonly #viewers = new Viewers();
  readonly #cleanup = new AsyncDisposableStack();
  readonly #memory = this.#cleanup.use(new MemoryKeeper());
  #log!: AppLog;
  #recorder!: Recorder;
  #matcher!: Matcher;
  #watch!: DaemonWatch;
  #enforcement!: DaemonEnforcement;
  #control!: DaemonControl;
  #settings!: Settings;
  #safety!: DaemonSafety;
  #intel!: DaemonIntel;
  #policy!: DaemonPolicy;
  #seconds = 0;
  #isKept = false;
  readonly #listeners = new DaemonListeners();

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.#reader = new ConfigReader(options.paths.config, options.paths.lock);
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
      enforcement: this.#enforcement,
      totals: this.#totals,
      losses: this.#losses,
      details: this.#details,
      blocked: this.#recorder.blocked,
      allowed: this.#recorder.allowed,
    };
  }

  /** What other doors than the control socket may ask and do; there once it has started. */
  get control(): DaemonControl {
    return this.#control;
  }

  /** What the file says beside the policy. */
  get settings(): Settings {
    return this.#settings;
  }

  /** Tells a listener what happens from now on; returns what takes it away. */
  listen(listener: DaemonListener): () => void {
    return this.#listeners.add(listener);
  }

  /** For people: what was set up. */
  summary = "";

  /** For people: what the policy cuts that they may need. */
  get warnings(): readonly string[] {
    return this.#safety.warnings;
  }

  /** What becomes of its rules in the kernel when pfw ends in good order; it may have none. */
  get onExit(): OnExit {
    if (this.#enforcement.mode !== "enforce") return "remove";
    return this.#isKept ? "keep" : this.#settings.onExit;
  }

  /** Has the kernel go on enforcing after the end: a window is worse than rules that stay. */
  keepRules(): void {
    this.#isKept = true;
  }

  /** Runs until `stop` is called, then takes everything down. */
  async run(): Promise<void> {
    try {
      await this.#watch.run();
      await this.#end();
    } finally {
      await this.#cleanup.disposeAsync();
    }
  }

  stop(): OnExit {
    this.#listeners.stopping(this.onExit);
    this.#watch.stop();
    return this.onExit;
  }

  /** Reads the configuration again; the running policy stays where it is refused. */
  reload(request: ReloadRequest = {}): Promise<Reloaded> {
    return this.#policy.reload(request);
  }

  async #start(): Promise<void> {
    const { paths, mode } = this.#options;
    if (mode === "enforce") await requireEnforcement(new SystemCommands());
    makeDirectories(paths);
    this.#cleanup.use(await lockRunDirectory(paths));
    const { config, text } = await this.#reader.load();
    this.#settings = settingsOf(config);
    this.#openFiles();
    await this.#intel.load(config);
    const policy = buildPolicy(config, { threats: this.#intel.threats.list });
    this.#safety.checkStart(policy, this.#options);
    this.#refreshAddresses();
    this.#matcher = new Matcher(policy);
    this.#enforcement.open();
    const { guard } = this.#enforcement;
    this.#intel.begin(config, this.#matcher, guard);
    this.#openWatch();
    this.#openPolicy();
    if (guard) await this.#enforce(guard, policy);
    else this.summary = `monitoring only, the kernel is unchanged; ${summarizePolicy(policy)}`;
    this.#intel.threats.enforced(policy.threats);
    await this.#safety.note(text, { command: "start" });
    await this.#listen();
    this.#intel.threats.begin();
    this.#cleanup.defer(() => this.#intel.threats.stop());
    this.#memory.loaded();
    this.#log.info(`ready: ${this.summary}`);
  }

  #openFiles(): void {
    const { paths, mode } = this.#options;
    this.#log = openLog(paths);
    this.#cleanup.defer(() => this.#log.close());
    this.#log.info(`pfw ${this.#options.version} starts (${this.#options.mode})`);
    const reload = () => this.reload({ isJudged: true });
    const safety = { paths, log: this.#log, viewers: this.#viewers, reload };
    this.#safety = new DaemonSafety(safety, mode);
    this.#recorder = this.#cleanup.use(
      new Recorder({
        database: paths.database,
        retention: retentionOf(this.#settings),
        isEnforced: mode === "enforce",
        details: this.#details,
        totals: this.#totals,
        losses: this.#losses,
        log: this.#log,
      }),
    );
    this.#intel = new DaemonIntel({
      paths,
      log: this.#log,
      details: this.#details,
      recorder: this.#recorder,
      viewers: this.#viewers,
      enforceThreats: () => this.#policy.takeOverThreats(),
      notice: (text) => this.#listeners.notice(text),
      changed: (what) => this.#listeners.changed(what),
    });
    this.#enforcement = new DaemonEnforcement(mode, {
      paths,
      blocked: this.#recorder.blocked,
      prefixes: this.#prefixes,
      totals: this.#totals,
      losses: this.#losses,
      log: this.#log,
      safety: this.#safety,
    });
    this.#cleanup.defer(() => this.#enforcement.stop());
  }

  #openWatch(): void {
    this.#watch = this.#cleanup.use(
      new DaemonWatch({
        ...this.#options,
        log: this.#log,
        losses: this.#losses,
        matcher: this.#matcher,
        own: this.#own,
        totals: this.#totals,
        recorder: this.#recorder,
        prefixes: this.#prefixes,
        intel: this.#intel,
        sample: this.#settings.allowedSample,
        hooks: {
          afterRound: () => this.#intel.bans.act(),
          beforeFlush: () => this.#recorder.show(() => this.#listeners.events()),
          flush: () => this.#flush(),
          tick: () => this.#tick(),
        },
      }),
    );
  }

  #openPolicy(): void {
    this.#policy = new DaemonPolicy({
      reader: this.#reader,
      log: this.#log,
      matcher: this.#matcher,
      enforcement: this.#enforcement,
      watch: this.#watch,
      recorder: this.#recorder,
      intel: this.#intel,
      prefixes: this.#prefixes,
      safety: this.#safety,
      memory: this.#memory,
      listeners: this.#listeners,
      useConfig: (config) => this.#useConfig(config),
    });
  }

  async #enforce(guard: KernelGuard, policy: Policy): Promise<void> {
    const { milliseconds } = await guard.apply(policy);
    this.summary = `${summarizePolicy(policy)}; in force after ${Math.round(milliseconds)} ms`;
    guard.watch();
  }

  async #listen(): Promise<void> {
    this.#control = this.#cleanup.use(
      new DaemonControl({
        ...this.#options,
        reader: this.#reader,
        since: this.#since,
        totals: this.#totals,
        losses: this.#losses,
        matcher: this.#matcher,
        recorder: this.#recorder,
        safety: this.#safety,
        watch: this.#watch,
        intel: this.#intel,
        enforcement: this.#enforcement,
        reload: (request, change) => this.#policy.reload(request, change),
        setMode: (mode, force) => this.#policy.setMode(mode, force),
        stop: () => this.stop(),
        listeners: this.#listeners,
        viewers: this.#viewers,
      }),
    );
    try {
      const server = new ControlServer(this.#options.paths.socket, this.#control);
      this.#cleanup.defer(() => server.close());
      this.#listeners.add({ tick: () => server.restore(this.#log) });
    } catch (error) {
      // Nobody could stop it: better not to run than to run out of reach.
      await this.#enforcement.guard?.remove();
      throw error;
    }
  }

  #useConfig(config: Config): void {
    this.#settings = settingsOf(config);
    this.#watch.pipeline.setSample(this.#settings.allowedSample);
    this.#recorder.setRetention(retentionOf(this.#settings));
  }

  /** The last reports are taken in after the chains are gone: nothing can be dropped any more. */
  async #end(): Promise<void> {
    this.#log.info("stopping");
    await this.#intel.threats.stop();
    await this.#safety.end();
    await this.#policy.end();
    const { guard } = this.#enforcement;
    if (guard) {
      await (this.onExit === "keep" ? guard.stop() : guard.remove());
      await this.#watch.drain(LAST_REPORTS);
      guard.reconcile(await guard.counters());
    } else {
      await this.#watch.drain(0);
    }
    const { packets, blocked, wouldBlock } = this.#totals.toJSON();
    this.#log.info(`stopped: ${packets} packets, ${blocked} blocked, ${wouldBlock} would block`);
  }

  #flush(): FlushResult {
    this.#enforcement.guard?.lookForFlood();
    this.#intel.threats.step(this.#recorder.store);
    return this.#recorder.flush();
  }

  #tick(): void {
    this.#seconds++;
    this.#listeners.tick();
    this.#safety.tick();
    this.#intel.tick();
    this.#recorder.checkpoint();
    if (this.#seconds % ADDRESS_INTERVAL === 0) this.#refreshAddresses();
    const isTime = this.#seconds % PRUNE_INTERVAL === 0;
    if (isTime || this.#recorder.hasMoreToPrune) this.#recorder.prune();
  }

  #refreshAddresses(): void {
    this.#own.update(Deno.networkInterfaces());
    this.#recorder.forgetInterfaceNames();
  }
}
