/** The eyes of the running firewall: its devices, the loop that empties them, and who judges. */
import { CaptureDevice, NFLOG_GROUP, type TapOptions } from "./capture.ts";
import type { DeviceStatus, Mode } from "./control/status.ts";
import type { DaemonIntel } from "./daemon_intel.ts";
import type { DropPrefixes } from "./drop_prefixes.ts";
import type { LocalAddresses } from "./net/local_addresses.ts";
import type { AppLog } from "./observe/application_log.ts";
import type { Losses } from "./observe/losses.ts";
import type { Totals } from "./observe/totals.ts";
import { Observer, type ObserverHooks } from "./observer.ts";
import { Pipeline } from "./pipeline.ts";
import type { Matcher } from "./policy/matcher.ts";
import type { Recorder } from "./recorder.ts";

/** What to watch, and where what is seen goes. */
export interface WatchParts {
  readonly mode: Mode;
  /** Interfaces; none means `any`. */
  readonly interfaces: readonly string[];
  readonly tap: TapOptions;
  readonly log: AppLog;
  readonly losses: Losses;
  readonly matcher: Matcher;
  readonly own: LocalAddresses;
  readonly totals: Totals;
  readonly recorder: Recorder;
  readonly prefixes: DropPrefixes;
  readonly intel: DaemonIntel;
  /** Share of allowed packets that is kept, 0 to 1. */
  readonly sample: number;
  readonly hooks: ObserverHooks;
}

/** Devices, pipeline and loop. */
export class DaemonWatch implements Disposable {
  readonly #parts: WatchParts;
  readonly #open = new DisposableStack();
  readonly #devices: CaptureDevice[] = [];
  readonly #observer: Observer;
  readonly pipeline: Pipeline;

  /** @throws PfwError where a device cannot be opened; then none is open */
  constructor(parts: WatchParts) {
    this.#parts = parts;
    const { mode, recorder, intel } = parts;
    this.pipeline = new Pipeline({
      ...parts,
      enforcement: mode === "enforce" ? "kernel" : "none",
      blocked: recorder.blocked,
      allowed: recorder.allowed,
      detectors: intel.detectors,
      detailOf: (reason, packet) => intel.detailOf(reason, packet),
    });
    try {
      this.#openDevices();
    } catch (error) {
      this.#open.dispose();
      throw error;
    }
    const { losses, hooks } = parts;
    this.#observer = this.#open.use(new Observer(this.#devices, this.pipeline, losses, hooks));
  }

  /** The group of reports is opened before the first drop can happen, and keeps a second pfw out. */
  #openDevices(): void {
    const { mode, interfaces, tap, log } = this.#parts;
    const notice = (text: string) => log.warn(text);
    this.#open.defer(() => this.#dropReports());
    const open = (device: CaptureDevice) => this.#devices.push(this.#open.use(device));
    if (mode === "enforce") this.openReports();
    const names = interfaces.length > 0 ? [...new Set(interfaces)] : ["any"];
    const options = { ...tap, hasBudget: mode === "enforce" };
    for (const name of names) open(CaptureDevice.tap(name, notice, options));
    if (names.includes("any")) return;
    const taps = this.#devices.filter((device) => !device.isNflog);
    this.pipeline.isWatched = (index) => taps.some((device) => device.interfaceIndex === index);
  }

  /** Begins to read the kernel's reports of drops. @throws PfwError where that cannot be */
  openReports(): void {
    this.#devices.unshift(CaptureDevice.nflog(NFLOG_GROUP, (text) => this.#parts.log.warn(text)));
    this.#setBudgets(true);
  }

  /** Ends it. They can be opened again once it has ended. */
  async closeReports(): Promise<void> {
    this.#dropReports();
    await this.#observer.released();
  }

  #dropReports(): void {
    const at = this.#devices.findIndex((device) => device.isNflog);
    if (at >= 0) this.#devices.splice(at, 1)[0][Symbol.dispose]();
    this.#setBudgets(false);
  }

  /** Where nobody but us judges packets, every one of them is looked at. */
  #setBudgets(hasBudget: boolean): void {
    for (const device of this.#devices) device.setBudget(hasBudget);
  }

  /** Runs until `stop` is called. */
  run(): Promise<void> {
    return this.#observer.run();
  }

  stop(): void {
    this.#observer.stop();
  }

  /** Goes on reading for that many milliseconds, to take in what is still on its way. */
  drain(milliseconds: number): Promise<void> {
    return this.#observer.drain(milliseconds);
  }

  /** Brings the counters of losses up to date. */
  countLosses(): void {
    this.#observer.countLosses();
  }

  /** The devices as `status` shows them. */
  devices(): DeviceStatus[] {
    return this.#devices.map((device) => ({
      name: device.name,
      open: device.isOpen,
      ...device.counters(),
    }));
  }

  [Symbol.dispose](): void {
    this.#open.dispose();
  }
}
