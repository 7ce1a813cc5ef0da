/** Metrics of the kernel: what it counted, what it holds, what had to be repaired. */
import type { KernelCounters } from "../../engine/kernel/counters.ts";
import { bit, counter, counters, gauge, gauges, type Metric, secondsOf } from "./metric.ts";
import type { Reading } from "./source.ts";

/** Rules with metrics of their own: each costs two series, and there may be 10,000 of them. */
const MOST_RULES = 1_000;

type Unit = "packets" | "bytes";

/** Sums over the rules, so that a reason's figures do not fall when a rule goes. */
const dropsByReason = (unit: Unit) => ({ counters }: Reading) => {
  const sums = new Map<string, number>();
  for (const { reason, ...count } of counters?.drops ?? []) {
    sums.set(reason, (sums.get(reason) ?? 0) + count[unit]);
  }
  return [...sums].map(([reason, sum]) => [{ reason }, sum] as const);
};

/** Of the rules in force only: what is gone would stay for good, and every edit leaves something. */
const byRule = (unit: Unit) => ({ counters, rules }: Reading) => {
  if (!counters) return [];
  const counted = countedById(counters);
  // Two rules that say the same have one id and one counter: the first one's.
  const names = new Map(rules.slice(0, MOST_RULES).toReversed().map(({ id, name }) => [id, name]));
  return [...names].toReversed().flatMap(([id, rule]) => {
    const found = counted.get(id);
    if (!found) return [];
    return [[{ rule_id: id, rule, verdict: found.verdict }, found[unit]] as const];
  });
};

function countedById({ drops, allows }: KernelCounters) {
  const blocked = drops.filter(({ ruleId }) => ruleId !== undefined)
    .map((count) => [count.ruleId!, { ...count, verdict: "blocked" }] as const);
  const allowed = allows.map((count) => [count.ruleId, { ...count, verdict: "allowed" }] as const);
  return new Map<string, { packets: number; bytes: number; verdict: string }>([
    ...blocked,
    ...allowed,
  ]);
}

const setLabels = (name: string) => ({ set: name, family: name.endsWith("6") ? "ipv6" : "ipv4" });

/** Of counters. */
const COUNTED: readonly Metric[] = [
  counters(
    "pfw_kernel_dropped_packets_total",
    "Packets that the kernel dropped for pfw, as the kernel counted them. Exact.",
    ["reason"],
    dropsByReason("packets"),
  ),
  counters(
    "pfw_kernel_dropped_bytes_total",
    "Bytes of the packets in pfw_kernel_dropped_packets_total.",
    ["reason"],
    dropsByReason("bytes"),
  ),
  counters(
    "pfw_rule_packets_total",
    "Packets that the kernel counted for a rule: those it dropped, or those of the connections' " +
      "openers that it let through. The first 1000 enabled rules.",
    ["rule_id", "rule", "verdict"],
    byRule("packets"),
  ),
  counters(
    "pfw_rule_bytes_total",
    "Bytes of the packets in pfw_rule_packets_total.",
    ["rule_id", "rule", "verdict"],
    byRule("bytes"),
  ),
];

/** Of what is there. */
const HELD: readonly Metric[] = [
  gauge(
    "pfw_kernel_in_place",
    "1 when all of the policy is in the kernel, 0 when something differs.",
    ({ status }) => status.kernel && bit(status.kernel.inPlace),
  ),
  gauge(
    "pfw_kernel_differences",
    "Things in the kernel that are not as they were applied.",
    ({ status }) => status.kernel?.differences.length,
  ),
  gauge("pfw_kernel_chains", "Chains of pfw in the kernel.", ({ status }) => status.kernel?.chains),
  gauge("pfw_kernel_rules", "Rules in those chains.", ({ status }) => status.kernel?.rules),
  gauges(
    "pfw_set_entries",
    "Entries of an ipset of pfw.",
    ["set", "family"],
    ({ status }) =>
      (status.kernel?.sets ?? []).map(({ name, entries }) => [setLabels(name), entries]),
  ),
  gauges(
    "pfw_set_memory_bytes",
    "Kernel memory that an ipset of pfw takes.",
    ["set", "family"],
    ({ status }) =>
      (status.kernel?.sets ?? []).map(({ name, memory }) => [setLabels(name), memory]),
  ),
];

/** Of drift: what somebody else changed. */
const DRIFT: readonly Metric[] = [
  counter(
    "pfw_drift_repairs_total",
    "How often what somebody else changed in the kernel was repaired.",
    ({ status }) => status.drift?.repaired,
  ),
  counter(
    "pfw_drift_failures_total",
    "How often such a repair failed.",
    ({ status }) => status.drift?.failed,
  ),
  gauge(
    "pfw_drift_last_timestamp_seconds",
    "When the last such change was found. Absent when there was none.",
    ({ status }) => status.drift?.last && secondsOf(status.drift.last.at),
  ),
];

/** Of the kernel; absent in monitor mode, but for what pfw itself counted. */
export const KERNEL_METRICS: readonly Metric[] = [...COUNTED, ...HELD, ...DRIFT];
