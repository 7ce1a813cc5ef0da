/** The running firewall: starts in the order that leaves no gap, and ends without a trace. */
import type { ReloadRequest } from "./control/client.ts";
import { ControlServer } from "./control/server.ts";
import { summarizePolicy } from "./control/status.ts";
import { DaemonControl } from "./daemon_control.ts";
import { DaemonIntel } from "./daemon_intel.ts";
import type { DaemonOptions } from "./daemon_options.ts";
import { DaemonSafety } from "./daemon_safety.ts";
import type { DaemonView } from "./daemon_view.ts";
import { DaemonWatch } from "./daemon_watch.ts";
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
import type { FlushResult } from "./observe/store.ts";
import { Totals } from "./observe/totals.ts";
import { buildPolicy } from "./policy/build_policy.ts";
import { ConfigReader } from "./policy/config_file.ts";
import { Matcher } from "./policy/matcher.ts";
import type { Policy } from "./policy/policy.ts";
import { type OnExit, type Settings, settingsOf } from "./policy/settings.ts";
import { Recorder } from "./recorder.ts";
import { lockRunDirectory, makeDirectories } from "./run_files.ts";

/** Time in which the kernel's last reports surely arrive, in milliseconds. */
const LAST_REPORTS = 300;
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
  readonly #cleanup = new AsyncDisposableStack();
  readonly #memory = this.#cleanup.use(new MemoryKeeper());
  #log!: AppLog;
  #recorder!: Recorder;
  #matcher!: Matcher;
  #watch!: DaemonWatch;
  #guard: KernelGuard | undefined;
  #settings!: Settings;
  #safety!: DaemonSafety;
  #intel!: DaemonIntel;
  #changes: Promise<unknown> = Promise.resolve();
  #seconds = 0;
  #isKept = false;
  /** Called before rows are written, with the view that `view` gives. */
  onEvents: () => void = () => {};
  /** Called every second by the loop that empties the devices. */
  onTick: () => void = () => {};
  /** Called with what people should see at once: who was banned, what became of a feed. */
  onNotice: (text: string) => void = () => {};

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.#reader = new ConfigReader(options.paths.config);
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
    this.#watch.stop();
    return this.onExit;
  }

  /** Reads the configuration again; the running policy stays where it is refused. */
  reload(request: ReloadRequest = {}): Promise<string> {
    const next = this.#oneAfterAnother(() => this.#reload(request));
    next.catch((error) => {
      this.#log.error(`reload refused, the running policy stays: ${errorText(error)}`);
    });
    return next;
  }

  /** Changes of the policy wait for each other. */
  #oneAfterAnother<T>(change: () => Promise<T>): Promise<T> {
    const next = this.#changes.then(change);
    this.#changes = next.catch(() => {});
    return next;
  }

  async #start(): Promise<void> {
    const { paths, mode } = this.#options;
    const commands = new SystemCommands();
    if (mode === "enforce") await requireEnforcement(commands);
    makeDirectories(paths);
    this.#cleanup.use(lockRunDirectory(paths));
    const { config, text } = await this.#reader.load();
    this.#settings = settingsOf(config);
    this.#openFiles();
    await this.#intel.load(config);
    const policy = buildPolicy(config, { threats: this.#intel.threats.list });
    this.#safety.checkStart(policy, this.#options);
    this.#refreshAddresses();
    this.#matcher = new Matcher(policy);
    if (mode === "enforce") this.#guard = this.#openGuard(commands);
    this.#intel.begin(config, this.#matcher, this.#guard);
    this.#openWatch();
    if (this.#guard) await this.#enforce(this.#guard, policy);
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
    this.#intel = new DaemonIntel({
      paths,
      log: this.#log,
      details: this.#details,
      recorder: this.#recorder,
      enforceThreats: () => this.#oneAfterAnother(() => this.#takeOverThreats()),
      notice: (text) => this.onNotice(text),
    });
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
          beforeFlush: () => this.onEvents(),
          flush: () => this.#flush(),
          tick: () => this.#tick(),
        },
      }),
    );
  }

  #openGuard(commands: SystemCommands): KernelGuard {
    const log = (message: string) => this.#log.warn(message);
    const guard = new KernelGuard({
      enforcer: enforcerOf(this.#options.paths, commands, log),
      prefixes: this.#prefixes,
      totals: this.#totals,
      losses: this.#losses,
      log: this.#log,
    });
    this.#cleanup.defer(() => guard.stop());
    return guard;
  }

  async #enforce(guard: KernelGuard, policy: Policy): Promise<void> {
    const { milliseconds } = await guard.apply(policy);
    this.summary = `${summarizePolicy(policy)}; in force after ${Math.round(milliseconds)} ms`;
    guard.watch();
  }

  async #listen(): Promise<void> {
    const control = new DaemonControl({
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
      guard: this.#guard,
      reload: (request) => this.reload(request),
      stop: () => this.stop(),
    });
    try {
      const server = new ControlServer(this.#options.paths.socket, control);
      this.#cleanup.defer(() => server.close());
    } catch (error) {
      // Nobody could stop it: better not to run than to run out of reach.
      await this.#guard?.remove();
      throw error;
    }
  }

  async #reload(request: ReloadRequest): Promise<string> {
    const started = performance.now();
    const { config, text } = await this.#reader.read();
    const policy = buildPolicy(config, { threats: this.#matcher.policy.threats });
    if (!request.isJudged) this.#safety.checkReload(policy, this.#matcher.policy);
    // The names first: reports under the new policy may come before the next line runs.
    const details = this.#prefixes.ruleDetails(policy);
    await this.#guard?.apply(policy);
    this.#matcher.replacePolicy(policy);
    this.#watch.pipeline.setRuleDetails(details);
    this.#useSettings(settingsOf(config));
    await this.#intel.configure(config, policy);
    if (this.#intel.threats.list !== policy.threats) await this.#takeOverThreats();
    await this.#safety.note(text, request);
    this.#memory.loaded();
    const summary = `${summarizePolicy(policy)} (${Math.round(performance.now() - started)} ms)`;
    this.#log.info(`reloaded: ${summary}`);
    return summary;
  }

  #useSettings(settings: Settings): void {
    this.#settings = settings;
    this.#watch.pipeline.setSample(settings.allowedSample);
    this.#recorder.setRetention(this.#retention());
  }

  async #takeOverThreats(): Promise<void> {
    const { policy } = this.#matcher, { list } = this.#intel.threats;
    const next = { ...policy, threats: list };
    await this.#guard?.apply(next);
    this.#matcher.replacePolicy(next);
    this.#intel.threats.enforced(list);
    this.#memory.loaded();
  }

  /** The last reports are taken in after the chains are gone: nothing can be dropped any more. */
  async #end(): Promise<void> {
    this.#log.info("stopping");
    await this.#intel.threats.stop();
    await this.#safety.end();
    if (this.#guard) {
      const guard = this.#guard;
      if (this.onExit === "keep") await guard.stop();
      else await guard.remove();
      await this.#watch.drain(LAST_REPORTS);
      guard.reconcile(await guard.counters());
    } else {
      await this.#watch.drain(0);
    }
    const { packets, blocked, wouldBlock } = this.#totals.toJSON();
    this.#log.info(`stopped: ${packets} packets, ${blocked} blocked, ${wouldBlock} would block`);
  }

  #retention() {
    return { seconds: this.#settings.retention, bytes: this.#settings.maxSize };
  }

  #flush(): FlushResult {
    this.#intel.threats.step(this.#recorder.store);
    return this.#recorder.flush();
  }

  #tick(): void {
    this.#seconds++;
    this.onTick();
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
