/** What detectors find: who did what, with the evidence for it. */
import type { Prefix } from "../net/address.ts";

/** The detectors, by the names that the configuration, bans and metrics use. */
export const DETECTORS = ["port_scan", "syn_flood", "blocked_hits", "connection_burst"] as const;

/** One of `DETECTORS`. */
export type DetectorName = typeof DETECTORS[number];

/** The same for people. */
export const DETECTOR_TEXTS: Readonly<Record<DetectorName, string>> = {
  port_scan: "port scan",
  syn_flood: "SYN flood",
  blocked_hits: "repeated hits on blocked ports",
  connection_burst: "burst of connections",
};

/** Figures and samples that show what was seen; flat, so that they can be stored and shown. */
export type Evidence = Readonly<Record<string, number | string | readonly number[]>>;

/** A source that went past a detector's threshold. */
export interface Detection {
  readonly detector: DetectorName;
  /** The source: one IPv4 address, the /64 of an IPv6 one, or one link-local address. */
  readonly source: Prefix;
  /** For people, e.g. `port scan: 24 ports in 1.2 s`. */
  readonly text: string;
  readonly evidence: Evidence;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Only said, not acted upon. */
  readonly isDryRun: boolean;
}
