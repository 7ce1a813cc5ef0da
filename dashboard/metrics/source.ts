/** What the metrics are made from: plain reads of the running firewall, taken together. */
import type { BanCause } from "../../engine/bans/ban.ts";
import type { RunningStatus } from "../../engine/control/status.ts";
import type { KernelCounters } from "../../engine/kernel/counters.ts";
import type { VerdictVolume } from "../../engine/observe/totals.ts";
import { type ProcessFigures, readProcess } from "./process_figures.ts";

/** How much waits where; what is absent is not known. */
export interface Queues {
  /** Rows of blocked and of allowed packets that wait for the database. */
  readonly blockedRows: number;
  readonly allowedRows: number;
  /** Bytes of kernel reports of drops that wait to be read. */
  readonly kernelReports?: number;
  /** Changes of the policy or the bans that wait for the kernel. */
  readonly changes?: number;
}

/** The running firewall, as the metrics ask it. */
export interface MetricsSource {
  /** As `GET /status` gives it. */
  status(): Promise<RunningStatus>;
  /** `Totals.cells()`. */
  cells(): readonly VerdictVolume[];
  /** Nothing while only looking on. */
  counters(): Promise<KernelCounters | undefined>;
  /** The enabled rules, in the order of the policy. */
  rules(): readonly { readonly id: string; readonly name: string }[];
  /** The bans in force. */
  bans(): readonly { readonly cause: BanCause }[];
  queues(): Queues;
  /** Bytes of the database with what is not merged into it yet; nothing where it is not known. */
  databaseBytes(): number | undefined;
  /** Pages that hold a stream of events open. */
  clients(): number;
}

/** Everything that one scrape tells, read at one time. */
export interface Reading {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly status: RunningStatus;
  readonly cells: readonly VerdictVolume[];
  readonly counters: KernelCounters | undefined;
  readonly rules: readonly { readonly id: string; readonly name: string }[];
  readonly bans: readonly { readonly cause: BanCause }[];
  readonly queues: Queues;
  readonly databaseBytes: number | undefined;
  readonly clients: number;
  readonly process: ProcessFigures;
}

/** Asks for all of it. */
export async function readAll(source: MetricsSource): Promise<Reading> {
  const status = await source.status();
  const counters = await source.counters();
  return {
    now: Date.now(),
    status,
    cells: source.cells(),
    counters,
    rules: source.rules(),
    bans: source.bans(),
    queues: source.queues(),
    databaseBytes: source.databaseBytes(),
    clients: source.clients(),
    process: readProcess(),
  };
}
