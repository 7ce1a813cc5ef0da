/** A ban: a timed block of one source, with its cause. */
import type { Prefix } from "../net/address.ts";
import type { DetectorName, Evidence } from "../detect/detection.ts";

/** What led to a ban: a detector, or a person. */
export type BanCause = DetectorName | "manual";

/** One ban. Times are milliseconds since 1970. */
export interface Ban {
  readonly prefix: Prefix;
  readonly cause: BanCause;
  /** For people, e.g. `port scan: 24 ports in 1.2 s`; it follows "Banned: " in the log. */
  readonly reason: string;
  readonly evidence: Evidence;
  readonly since: number;
  readonly until: number;
  /** How often this source was banned, this time included. */
  readonly offences: number;
}

/** A ban as `bans list --json` and the control socket give it. Times are ISO 8601, UTC. */
export interface BanView {
  readonly address: string;
  readonly cause: BanCause;
  readonly reason: string;
  readonly evidence: Evidence;
  readonly since: string;
  readonly until: string;
  readonly secondsLeft: number;
  readonly offences: number;
}
