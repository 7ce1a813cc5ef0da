/** What the running pfw says of itself; the JSON of `status` and `stats`. */
import type { DriftReport } from "../kernel_guard.ts";
import type { Inspection } from "../kernel/enforcer.ts";
import type { LossesSnapshot } from "../observe/losses.ts";
import type { TotalsSnapshot } from "../observe/totals.ts";

/** Enforcing in the kernel, or only looking on. */
export type Mode = "enforce" | "monitor";

/** Answer of `GET /stats`. */
export interface RunningStats {
  /** ISO 8601 UTC. */
  readonly since: string;
  readonly mode: Mode;
  readonly totals: TotalsSnapshot;
  readonly losses: LossesSnapshot;
}

/** A device that is watched. */
export interface DeviceStatus {
  readonly name: string;
  readonly open: boolean;
  readonly received: number;
  readonly droppedByRing: number;
  readonly droppedByInterface: number;
}

/** Answer of `GET /status`. */
export interface RunningStatus extends RunningStats {
  readonly running: true;
  readonly version: string;
  readonly pid: number;
  readonly config: string;
  readonly policy: {
    readonly defaultAction: string;
    readonly rules: number;
    readonly whitelist: number;
    readonly blacklist: number;
    readonly bans: number;
    readonly threats: number;
    readonly rateLimit: string;
  };
  readonly devices: readonly DeviceStatus[];
  /** Absent while only looking on. */
  readonly kernel?: Inspection;
  readonly drift?: DriftReport;
  readonly database: { readonly path: string; readonly fault: string | null };
  /** Bytes resident. */
  readonly memory: number;
}
