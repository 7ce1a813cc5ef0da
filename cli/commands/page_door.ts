/** The web page of the running firewall: opened at its start, and as the configuration says. */
import type { Dashboard, OpenDoor } from "../../dashboard/dashboard.ts";
import type { Daemon } from "../../engine/daemon.ts";
import { errorText } from "../../engine/errors.ts";
import type { Paths } from "../../engine/paths.ts";
import { loadConfig } from "../../engine/policy/config_file.ts";
import type { DashboardSettings, OnExit } from "../../engine/policy/settings.ts";
import { warn } from "../output.ts";
import { VERSION } from "../version.ts";
import { startReturnGuard } from "./return_guard.ts";

/** Where the page is. */
export interface PageAddress {
  readonly plain: string;
  /** With the token: whoever has it may do everything. */
  readonly signIn: string;
}

/** Seconds between two attempts where the port is taken or a file is missing. */
const RETRY = 10;

/** Opens the page, and closes it. */
export class PageDoor implements AsyncDisposable {
  readonly #paths: Paths;
  /** What the command line asked for; it wins over the configuration. */
  readonly #asked: string | true | undefined;
  #door: OpenDoor | undefined;
  #settings: DashboardSettings | undefined;
  #dashboard: Dashboard | undefined;
  #daemon: Daemon | undefined;
  #say: (address: PageAddress) => void = () => {};
  #changing: Promise<void> = Promise.resolve();
  #retryIn = 0;
  #isEnding = false;
  #isKept = false;

  private constructor(paths: Paths, asked: string | true | undefined) {
    this.#paths = paths;
    this.#asked = asked;
  }

  /**
   * Opens the port where the command line asks for the page: it is told before anything else is
   * done that this cannot be.
   *
   * @throws PfwError
   */
  static async open(paths: Paths, asked: string | true | undefined): Promise<PageDoor> {
    const page = new PageDoor(paths, asked);
    if (asked === undefined) return page;
    const { config } = await loadConfig(paths);
    page.#settings = page.#wanted(config.dashboard);
    const { openDoor } = await import("../../dashboard/dashboard.ts");
    page.#door = await openDoor(page.#settings!);
    return page;
  }

  /**
   * Begins to answer, here and wherever the configuration comes to say.
   *
   * @param say told where the page is, each time it opens
   */
  async serve(daemon: Daemon, say: (address: PageAddress) => void): Promise<void> {
    this.#daemon = daemon;
    this.#say = say;
    daemon.control.edits.onPending = (pending) => startReturnGuard(this.#paths, pending);
    daemon.listen({
      changed: (what) => what === "config" && this.#follow(),
      tick: () => this.#retryIn > 0 && --this.#retryIn === 0 && this.#follow(),
    });
    await this.#follow();
  }

  /** Pages that are open hear that pfw ends. */
  sayGoodBye(onExit: OnExit): void {
    this.#isEnding = true;
    this.#isKept = onExit === "keep";
    void this.#oneAfterAnother(() => this.#close());
  }

  /** Changes wait for each other. */
  #oneAfterAnother(change: () => Promise<void>): Promise<void> {
    this.#changing = this.#changing.then(change).catch((error) => {
      // The firewall itself goes on.
      warn(`dashboard: ${errorText(error)}`);
      if (!this.#isEnding) this.#retryIn = RETRY;
    });
    return this.#changing;
  }

  #follow(): Promise<void> {
    return this.#oneAfterAnother(async () => {
      if (this.#isEnding) return;
      const wanted = this.#wanted(this.#daemon!.settings.dashboard);
      const isSame = JSON.stringify(wanted) === JSON.stringify(this.#settings);
      if (isSame && (this.#dashboard || !wanted)) return;
      await this.#close();
      this.#settings = wanted;
      if (wanted) await this.#begin(wanted);
    });
  }

  async #begin(settings: DashboardSettings): Promise<void> {
    const { Dashboard, openDoor } = await import("../../dashboard/dashboard.ts");
    const door = this.#door ?? await openDoor(settings);
    this.#door = undefined;
    const options = { paths: this.#paths, settings, version: VERSION };
    this.#dashboard = await Dashboard.start(this.#daemon!, door, options);
    this.#say({ plain: this.#dashboard.url, signIn: this.#dashboard.signInUrl });
  }

  #wanted(configured: DashboardSettings): DashboardSettings | undefined {
    if (this.#asked === undefined) return configured.enabled ? configured : undefined;
    if (this.#asked === true) return { ...configured, enabled: true };
    return { ...configured, enabled: true, listen: this.#asked };
  }

  async #close(): Promise<void> {
    const dashboard = this.#dashboard;
    this.#dashboard = undefined;
    await dashboard?.close(this.#isKept);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    await this.#oneAfterAnother(() => this.#close());
    this.#door?.close();
  }
}
