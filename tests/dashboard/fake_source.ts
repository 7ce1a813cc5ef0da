/** A running firewall made up for the tests of metrics. */
import type { MetricsSource } from "../../dashboard/metrics.ts";
import type { RunningStatus } from "../../engine/control/status.ts";
import type { KernelCounters } from "../../engine/kernel/counters.ts";
import { Losses } from "../../engine/observe/losses.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { Reason, REASONS } from "../../engine/policy/verdict.ts";
import { packetOf } from "../observe/samples.ts";
import { feedState } from "./samples.ts";

/** Names that would break the text format where they are not escaped. */
export const HOSTILE = [
  'No "SMTP"',
  "back\\slash\\",
  "two\nlines",
  'a"} 1\npfw_packets_total{verdict="allowed",reason="rule"} 666',
  "{}=,#",
  "\u202eevil ☃",
  "C:\\new\\n",
];

/** What may be made otherwise, for one test. */
export interface Scene {
  readonly isMonitor?: boolean;
  readonly names?: readonly string[];
}

/** Counts when it is told to. */
export class FakeSource implements MetricsSource {
  readonly totals = new Totals();
  readonly losses = new Losses();
  /** How often the kernel was read. */
  readings = 0;
  kernel: KernelCounters;
  readonly #scene: Scene;

  constructor(scene: Scene = {}) {
    this.#scene = scene;
    this.kernel = {
      drops: [
        { reason: "blacklist", ruleId: undefined, packets: 5, bytes: 300 },
        ...this.#blocking().map(({ id }) => ({
          reason: "rule" as const,
          ruleId: id,
          packets: 2,
          bytes: 80,
        })),
        { reason: "rule", ruleId: "ffffffff", packets: 7, bytes: 700 },
      ],
      allows: [{ ruleId: "eeeeeeee", packets: 1, bytes: 60 }],
    };
  }

  /** One packet for each verdict, a little more of everything. */
  count(): void {
    const packet = packetOf({ length: 100 });
    this.totals.seen(packet);
    this.totals.allowed(packet, Reason.defaultPolicy);
    this.totals.blocked(packet, Reason.rule);
    this.totals.wouldBlock(packet, Reason.threat);
    for (const kind of Object.keys(this.losses) as (keyof Losses)[]) {
      if (kind !== "toJSON") this.losses[kind]++;
    }
    const grown = <T extends { packets: number; bytes: number }>(count: T) => ({
      ...count,
      packets: count.packets + 1,
      bytes: count.bytes + 60,
    });
    this.kernel = {
      drops: this.kernel.drops.map(grown),
      allows: this.kernel.allows.map(grown),
    };
  }

  status(): Promise<RunningStatus> {
    const mode = this.#scene.isMonitor ? "monitor" : "enforce";
    return Promise.resolve({
      running: true,
      version: "0.1.0",
      pid: 1,
      config: "/etc/pfw.json",
      since: "2026-11-29T06:00:00.000Z",
      mode,
      totals: this.totals.toJSON(),
      losses: this.losses.toJSON(),
      policy: {
        defaultAction: "allow",
        rules: 2,
        whitelist: 2,
        blacklist: 3,
        bans: 1,
        threats: 4,
        rateLimit: "off",
      },
      feeds: this.#feeds(),
      bans: 1,
      devices: [{
        name: "eth0",
        open: true,
        received: this.totals.packets,
        droppedByRing: this.losses.ringDrops,
        droppedByInterface: this.losses.interfaceDrops,
      }],
      ...this.#scene.isMonitor ? {} : HELD,
      database: { path: "/var/lib/firewall.db", fault: null },
      dashboard: "http://127.0.0.1:8787/",
      memory: 50_000_000,
    });
  }

  cells() {
    return this.totals.cells();
  }

  counters() {
    this.readings++;
    return Promise.resolve(this.#scene.isMonitor ? undefined : this.kernel);
  }

  rules() {
    const allowing = ["SSH", "SSH, said twice"].map((name) => ({ id: "eeeeeeee", name }));
    return [...this.#blocking(), ...allowing];
  }

  bans() {
    return [{ cause: "port_scan" as const }, { cause: "manual" as const }];
  }

  queues() {
    return { blockedRows: 3, allowedRows: 1, kernelReports: 0, changes: 0 };
  }

  databaseBytes() {
    return 1_000_000;
  }

  clients() {
    return 2;
  }

  #blocking() {
    const names = this.#scene.names ?? ["No SMTP"];
    return names.map((name, at) => ({ id: String(at).padStart(8, "0"), name }));
  }

  #feeds() {
    return [
      ...(this.#scene.names ?? ["Feodo Tracker"]).map((name) => feedState({ name })),
      feedState({ name: "never", fetchedAt: null, checkedAt: null, error: "no answer" }),
      feedState({ name: "off", enabled: false, status: "disabled" }),
    ];
  }
}

const HELD: Pick<RunningStatus, "kernel" | "drift"> = {
  kernel: {
    inPlace: true,
    differences: [],
    sets: [
      { name: "pfw-black4", entries: 3, memory: 600 },
      { name: "pfw-black6", entries: 0, memory: 200 },
    ],
    chains: 9,
    rules: 20,
  },
  drift: { repaired: 1, failed: 0, last: { at: "2026-11-29T06:10:00.000Z", differences: ["x"] } },
};

/** Verdicts and reasons together: a series for each. */
export const CELLS = 3 * REASONS.length;
