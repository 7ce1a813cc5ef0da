/** A firewall to show that needs no root: real configuration, counters and rows, no kernel. */
import { DaemonListeners } from "../../engine/daemon_listeners.ts";
import type { DaemonView } from "../../engine/daemon_view.ts";
import { DaemonViews } from "../../engine/daemon_views.ts";
import type { BanView } from "../../engine/bans/ban.ts";
import { ConfigEdits } from "../../engine/control/config_edits.ts";
import type { Mode, RunningStatus } from "../../engine/control/status.ts";
import type { BanRequest, UnbanRequest } from "../../engine/control/intel_control.ts";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { Losses } from "../../engine/observe/losses.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { Viewers } from "../../engine/net/viewers.ts";
import { type Paths, resolvePaths } from "../../engine/paths.ts";
import { ConfigReader, loadConfig } from "../../engine/policy/config_file.ts";
import { PolicyHistory } from "../../engine/policy/policy_history.ts";
import type { Shown, ShownControl } from "../../dashboard/shown.ts";

const NO_LIFELINES = { sessions: [], gateways: [], resolvers: [], own: [] };

/** Everything in a directory of its own. */
export class Firewall implements Shown, Disposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "pfw-dashboard-" });
  readonly paths: Paths = resolvePaths({
    config: `${this.directory}/rules.json`,
    dataDir: `${this.directory}/data`,
    logDir: `${this.directory}/log`,
    runDir: `${this.directory}/run`,
  });
  readonly listeners = new DaemonListeners();
  readonly enforcement: { mode: Mode } = { mode: "monitor" };
  readonly view: DaemonView = {
    enforcement: this.enforcement,
    totals: new Totals(),
    losses: new Losses(),
    details: new EventDetails(),
    blocked: new EventBuffer(4096),
    allowed: new EventBuffer(4096),
  };
  readonly bans: BanView[] = [];
  /** How often it was asked to reload. */
  reloads = 0;
  readonly control: ShownControl;

  constructor() {
    Deno.mkdirSync(this.paths.runDir, { mode: 0o700 });
    Deno.writeTextFileSync(this.paths.config, '{"rules": []}');
    this.control = this.#makeControl();
  }

  listen = (listener: Parameters<Shown["listen"]>[0]) => this.listeners.add(listener);

  #makeControl(): ShownControl {
    const viewers = new Viewers();
    const { config, dataDir } = this.paths;
    const reader = new ConfigReader(config);
    const edits = new ConfigEdits({
      reader,
      safety: {
        dataDir,
        history: new PolicyHistory(dataDir),
        lifelinesSoon: () =>
          Promise.resolve({ ...NO_LIFELINES, mode: this.enforcement.mode, config, dataDir }),
      },
      mode: () => this.enforcement.mode,
      expectChange: () => {},
      reload: async (_request, change) => {
        this.reloads++;
        await change?.file.sync();
        change?.file.place();
        this.listeners.changed("config");
        return { summary: "reloaded" };
      },
      pendingChanged: () => this.listeners.changed("pending"),
    });
    const stats = () => ({
      since: new Date(0).toISOString(),
      mode: this.enforcement.mode,
      totals: this.view.totals.toJSON(),
      losses: this.view.losses.toJSON(),
    });
    const status = (): Promise<RunningStatus> => Promise.resolve({ ...this.#status(), ...stats() });
    const views = new DaemonViews({
      paths: this.paths,
      reader,
      status,
      counters: () => Promise.resolve(undefined),
      pending: () => edits.pending(),
    });
    this.listeners.add({ changed: () => views.forget() });
    return {
      since: new Date(),
      paths: this.paths,
      config: this.paths.config,
      edits,
      viewers,
      views,
      status,
      stats,
      bans: {
        list: () => this.bans,
        add: (request) => Promise.resolve({ bans: this.#ban(request) }),
        remove: ({ addresses }: UnbanRequest) => Promise.resolve({ bans: [], unknown: addresses }),
      },
      interfaceName: () => "eth0",
      kernelCounters: () => Promise.resolve(undefined),
      rules: () => [],
      ruleHits: () => Promise.resolve([]),
      reload: () => Promise.resolve({ summary: "reloaded" }),
      lifelines: () => {
        throw new Error("nobody asks for that here");
      },
      setMode: (mode) => {
        const isChanged = mode !== this.enforcement.mode;
        this.enforcement.mode = mode;
        this.listeners.changed("mode");
        return Promise.resolve(isChanged);
      },
      stop: () => {
        throw new Error("nobody may stop it here");
      },
    };
  }

  #status(): Omit<RunningStatus, "since" | "mode" | "totals" | "losses"> {
    return {
      running: true,
      version: "0.0.0",
      pid: Deno.pid,
      config: this.paths.config,
      policy: {
        defaultAction: "allow",
        rules: 0,
        whitelist: 0,
        blacklist: 0,
        bans: 0,
        threats: 0,
        rateLimit: "off",
      },
      feeds: [],
      bans: this.bans.length,
      devices: [],
      database: { path: this.paths.database, fault: null },
      dashboard: null,
      memory: 1,
    };
  }

  #ban({ addresses, seconds, reason }: BanRequest): BanView[] {
    const now = Date.now();
    const added = addresses.map((address): BanView => ({
      address,
      cause: "manual",
      reason,
      evidence: {},
      since: new Date(now).toISOString(),
      until: new Date(now + seconds * 1000).toISOString(),
      secondsLeft: seconds,
      offences: 1,
    }));
    this.bans.push(...added);
    this.listeners.changed("bans");
    return added;
  }

  /** Its configuration as it stands in the file. */
  async config() {
    return (await loadConfig(this.paths)).config;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}
