/** Metrics of packets: what was seen, what became of it, what got lost. */
import { counter, counters, gauges, type Metric, type Sample } from "./metric.ts";
import type { Reading } from "./source.ts";

const volumes = (unit: "packets" | "bytes") => ({ cells }: Reading) =>
  cells.map(({ verdict, reason, ...volume }): Sample<"verdict" | "reason"> => [
    { verdict, reason },
    volume[unit],
  ]);

const losses = ({ status }: Reading) => status.losses;

/** Of packets. */
export const PACKET_METRICS: readonly Metric[] = [
  counters(
    "pfw_packets_total",
    "Packets by verdict and reason; would_block: the policy says so and nothing enforces it. How " +
      "many of those only counted were allowed is estimated.",
    ["verdict", "reason"],
    volumes("packets"),
  ),
  counters(
    "pfw_bytes_total",
    "Bytes on the wire of the packets in pfw_packets_total.",
    ["verdict", "reason"],
    volumes("bytes"),
  ),
  counters(
    "pfw_seen_packets_total",
    "Packets looked at or only counted, whatever became of them, by direction, which is estimated " +
      "for those only counted.",
    ["direction"],
    ({ status }) =>
      Object.entries(status.totals.byDirection)
        .map(([direction, count]) => [{ direction }, count]),
  ),
  counter(
    "pfw_seen_bytes_total",
    "Bytes on the wire of the packets in pfw_seen_packets_total.",
    ({ status }) => status.totals.bytes,
  ),
  counters(
    "pfw_undecodable_packets_total",
    "Packets that no policy applies to, by what is wrong with them; estimated for those only counted.",
    ["cause"],
    ({ status }) =>
      Object.entries(status.totals.byDecodeResult).map(([cause, count]) => [{ cause }, count]),
  ),
];

/** Of what got lost, each kind counted. */
export const LOSS_METRICS: readonly Metric[] = [
  counters(
    "pfw_lost_packets_total",
    "Packets that got lost to pfw, not to the network. ring: the capture was too slow; interface: " +
      "dropped by the interface; capture_buffer: did not fit or were not found in it; database: in rows " +
      "that could not be written.",
    ["cause"],
    (reading) => {
      const { ringDrops, interfaceDrops, captureRecordsLost, hitsLost } = losses(reading);
      return [
        [{ cause: "ring" }, ringDrops],
        [{ cause: "interface" }, interfaceDrops],
        [{ cause: "capture_buffer" }, captureRecordsLost],
        [{ cause: "database" }, hitsLost],
      ];
    },
  ),
  counter(
    "pfw_unreported_drops_total",
    "Packets that the kernel dropped and did not report one by one. They count, and their rows tell " +
      "no addresses.",
    (reading) => losses(reading).nflogLost,
  ),
  counter(
    "pfw_counted_only_packets_total",
    "Packets that the kernel counted and judged and that pfw did not look at, for more came than it " +
      "needs. Nothing is lost.",
    (reading) => losses(reading).countedOnly,
  ),
  counter(
    "pfw_lost_rows_total",
    "Rows that could not be written to the database, or went with a file that was removed.",
    (reading) => losses(reading).rowsLost,
  ),
  counter(
    "pfw_lost_log_lines_total",
    "Lines of the application log that could not be written.",
    (reading) => losses(reading).logLinesLost,
  ),
  counter(
    "pfw_coalesced_packets_total",
    "Packets that share a database row with an earlier one; nothing of the count is lost.",
    (reading) => losses(reading).rowsCoalesced,
  ),
  counter(
    "pfw_blurred_packets_total",
    "Coalesced packets whose row no longer names their addresses.",
    (reading) => losses(reading).rowsBlurred,
  ),
];

/** Of the devices that are watched. */
export const DEVICE_METRICS: readonly Metric[] = [
  gauges(
    "pfw_device_open",
    "1 while the device is watched, 0 while it is away.",
    ["device"],
    ({ status }) => status.devices.map(({ name, open }) => [{ device: name }, open ? 1 : 0]),
  ),
  counters(
    "pfw_device_received_packets_total",
    "Packets of the device that were handed over, with those that found no room; none that were only " +
      "counted.",
    ["device"],
    ({ status }) => status.devices.map(({ name, received }) => [{ device: name }, received]),
  ),
  counters(
    "pfw_device_dropped_packets_total",
    "Packets of the device that were not seen, by who dropped them.",
    ["device", "cause"],
    ({ status }) =>
      status.devices.flatMap(({ name, droppedByRing, droppedByInterface }) => [
        [{ device: name, cause: "ring" }, droppedByRing] as const,
        [{ device: name, cause: "interface" }, droppedByInterface] as const,
      ]),
  ),
];
