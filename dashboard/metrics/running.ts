/** Metrics of the running firewall itself: what it is, its policy, its queues, its database. */
import { bit, counter, gauge, gauges, type Metric, secondsOf } from "./metric.ts";

/** Of the program and its policy. */
export const RUNNING_METRICS: readonly Metric[] = [
  gauges(
    "pfw_build_info",
    "Always 1; the label tells the version of the pfw that runs.",
    ["version"],
    ({ status }) => [[{ version: status.version }, 1]],
  ),
  gauge(
    "pfw_start_time_seconds",
    "When pfw began to protect or to look on; all counters of pfw begin then.",
    ({ status }) => secondsOf(status.since),
  ),
  gauge(
    "pfw_enforcing",
    "1 when the kernel blocks (enforce), 0 when pfw only looks on (monitor).",
    ({ status }) => bit(status.mode === "enforce"),
  ),
  gauge("pfw_policy_rules", "Enabled rules of the policy.", ({ status }) => status.policy.rules),
  gauges(
    "pfw_policy_entries",
    "Entries of the policy's lists; threat: of all feeds, merged.",
    ["list"],
    ({ status: { policy } }) => [
      [{ list: "whitelist" }, policy.whitelist],
      [{ list: "blacklist" }, policy.blacklist],
      [{ list: "ban" }, policy.bans],
      [{ list: "threat" }, policy.threats],
    ],
  ),
  gauge(
    "pfw_dashboard_clients",
    "Pages that hold a stream of events open.",
    ({ clients }) => clients,
  ),
];

/** Of what waits, and of where it is written to. */
export const STORE_METRICS: readonly Metric[] = [
  gauges(
    "pfw_queue_length",
    "What waits: rows for the database (blocked_rows, allowed_rows), changes for the kernel " +
      "(changes).",
    ["queue"],
    ({ queues: { blockedRows, allowedRows, changes } }) => [
      [{ queue: "blocked_rows" }, blockedRows],
      [{ queue: "allowed_rows" }, allowedRows],
      ...changes === undefined ? [] : [[{ queue: "changes" }, changes]] as const,
    ],
  ),
  gauge(
    "pfw_kernel_report_queue_bytes",
    "Reports of dropped packets that wait to be read from the kernel.",
    ({ queues }) => queues.kernelReports,
  ),
  gauge(
    "pfw_database_size_bytes",
    "Size of the database with what is not merged into it yet.",
    ({ databaseBytes }) => databaseBytes,
  ),
  gauge(
    "pfw_database_faulty",
    "1 while the database cannot be written, 0 while it can.",
    ({ status }) => bit(status.database.fault !== null),
  ),
  counter(
    "pfw_database_failed_writes_total",
    "Failed attempts to write to the database; the rows were kept for the next one.",
    ({ status }) => status.losses.failedWrites,
  ),
];
