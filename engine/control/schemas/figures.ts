/** Counters as `status`, `stats` and the end of `start` tell them. */
import * as z from "zod";
import type { LossesSnapshot } from "../../observe/losses.ts";
import type { TotalsSnapshot } from "../../observe/totals.ts";
import { DECODE_RESULTS, DIRECTIONS } from "../../packet/packet.ts";
import { REASONS } from "../../policy/verdict.ts";
import { address, count, reasonCode, some, time } from "./parts.ts";

export const byReason = some(
  REASONS,
  z.strictObject({
    allowed: count("Packets."),
    blocked: count("Packets."),
    wouldBlock: count("Packets."),
  }),
).describe("Packets by the reason that decided. Reasons that did not occur are absent.");

export const totals = z.strictObject({
  packets: count("Packets looked at or only counted, and outgoing drops that only the kernel saw."),
  bytes: count("Their bytes on the wire."),
  allowed: count("Packets; of those only counted an estimate."),
  allowedBytes: count("Bytes; likewise."),
  blocked: count("Packets that the kernel reported as dropped."),
  blockedBytes: count("Bytes."),
  wouldBlock: count("Packets that the policy would drop, were it enforced."),
  wouldBlockBytes: count("Bytes."),
  undecodable: count(
    "Packets that are not IP, or cannot be read; of those only counted an estimate.",
  ),
  byReason,
  byDecodeResult: some(DECODE_RESULTS, count("Packets."))
    .describe("Packets that could not be judged, by what is wrong with them."),
  byDirection: z.record(
    z.enum(DIRECTIONS),
    count("Packets; of those only counted an estimate."),
  ),
}) satisfies z.ZodType<TotalsSnapshot>;

export const losses = z.strictObject({
  ringDrops: count("Packets not seen: the capture was too slow."),
  interfaceDrops: count("Packets not seen: dropped by the interface."),
  countedOnly: count("Packets that the kernel counted and that were not looked at: too many came."),
  nflogLost: count("Drops that the kernel counted and did not report one by one."),
  captureRecordsLost: count(
    "Packets that did not fit the capture buffer, or were not found in it.",
  ),
  rowsCoalesced: count("Packets that share a row, counted in its hits."),
  rowsBlurred: count("Of these, packets in rows without addresses."),
  rowsLost: count("Rows that could not be written, or went with a file that was removed."),
  hitsLost: count("Packets in those rows."),
  failedWrites: count("Failed writes to the database; the rows were kept."),
  logLinesLost: count("Lines lost from the application log."),
}).describe("What was lost, each kind counted.") satisfies z.ZodType<LossesSnapshot>;

export const topBlocked = z.array(z.strictObject({
  address: address("A source."),
  blocked: count("Packets."),
  wouldBlock: count("Packets."),
  reason_code: reasonCode.describe("Of its last packet."),
  reasonCode: reasonCode.describe("The same as reason_code."),
  lastSeen: time("Its last packet."),
})).max(10).describe("Most packets first.");
