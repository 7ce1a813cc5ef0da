/** A row of the database as `logs`, the live log and the dashboard tell it. */
import * as z from "zod";
import type { LogRow } from "../../observe/log_query.ts";
import { DIRECTIONS } from "../../packet/packet.ts";
import { count, reasonCode, text, time } from "./parts.ts";

const port = z.int().min(0).max(65535).nullable();

const endpoint = (what: string) =>
  z.string().nullable().describe(
    `${what} address; * where the row stands for many; null: unknown.`,
  );

export const row = z.strictObject({
  id: z.int().min(1).describe("Its number in the table."),
  timestamp: time("When; milliseconds."),
  src_ip: endpoint("Source"),
  dst_ip: endpoint("Destination"),
  src_port: port.describe("null: none, unknown or many."),
  dst_port: port.describe("null: none, unknown or many."),
  protocol: z.string().nullable().describe("Lower case, e.g. tcp."),
  reason: text("Why, for people."),
  packet_hash: z.string().regex(/^[0-9a-f]{16}$/)
    .describe("Over the captured bytes of the row's first packet: equal packets have equal ones."),
  reason_code: reasonCode,
  rule_id: z.string().nullable().describe("Of the rule that decided; null where none did."),
  direction: z.enum(DIRECTIONS).describe("Seen from this machine."),
  interface: z.string().nullable(),
  length: count("Bytes on the wire of the row's first packet."),
  tcp_flags: z.int().min(0).max(255).nullable().describe("Bits of RFC 9293; null: not TCP."),
  hits: z.int().min(1).describe("Packets that the row stands for."),
  action: z.enum(["allowed", "blocked", "would_block"])
    .describe("would_block: the policy says so, and nothing was enforced."),
});
row satisfies z.ZodType<LogRow>;
