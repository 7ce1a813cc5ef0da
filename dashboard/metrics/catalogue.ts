/** All metrics, in the order of docs/metrics.md. */
import { BAN_METRICS, FEED_METRICS } from "./feeds.ts";
import { KERNEL_METRICS } from "./kernel.ts";
import type { Metric } from "./metric.ts";
import { DEVICE_METRICS, LOSS_METRICS, PACKET_METRICS } from "./packets.ts";
import { PROCESS_METRICS } from "./process.ts";
import { RUNNING_METRICS, STORE_METRICS } from "./running.ts";

/** Metrics by what they are of. */
export const METRIC_GROUPS: Readonly<Record<string, readonly Metric[]>> = {
  "Packets": PACKET_METRICS,
  "The kernel": KERNEL_METRICS,
  "Losses": LOSS_METRICS,
  "Devices": DEVICE_METRICS,
  "Threat feeds": FEED_METRICS,
  "Bans": BAN_METRICS,
  "Queues and the database": STORE_METRICS,
  "pfw": RUNNING_METRICS,
  "The process": PROCESS_METRICS,
};

/** All of them. */
export const METRICS: readonly Metric[] = Object.values(METRIC_GROUPS).flat();
