/** Metrics of the process, under the names that Prometheus' client libraries share. */
import { counter, gauge, type Metric } from "./metric.ts";

/** Of the process. */
export const PROCESS_METRICS: readonly Metric[] = [
  counter(
    "process_cpu_seconds_total",
    "User and system time of the process.",
    ({ process }) => process.cpuSeconds,
  ),
  gauge(
    "process_resident_memory_bytes",
    "Memory of the process that is in RAM.",
    ({ process }) => process.residentBytes,
  ),
  gauge(
    "process_virtual_memory_bytes",
    "Address space of the process; most of it is reserved and not used.",
    ({ process }) => process.virtualBytes,
  ),
  gauge("process_open_fds", "Open file descriptors.", ({ process }) => process.openFds),
  gauge(
    "process_max_fds",
    "Most file descriptors that the process may open.",
    ({ process }) => process.maxFds,
  ),
  gauge(
    "process_start_time_seconds",
    "When the process was started.",
    ({ process }) => process.startTime,
  ),
  gauge(
    "pfw_heap_used_bytes",
    "Heap that JavaScript objects take.",
    ({ process }) => process.heapUsedBytes,
  ),
  gauge(
    "pfw_heap_size_bytes",
    "Heap that is set aside for JavaScript objects.",
    ({ process }) => process.heapSizeBytes,
  ),
];
