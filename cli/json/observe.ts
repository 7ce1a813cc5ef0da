/** JSON of `pfw logs`, `pfw stats` and `pfw explain`. */
import * as z from "zod";
import type { ExplainAnswer } from "../../engine/control/explain.ts";
import type { LogRow } from "../../engine/observe/log_query.ts";
import { byReason, losses, totals } from "./figures.ts";
import { address, ban, count, documented, flag, mode, reasonCode, text, time } from "./parts.ts";

const port = z.int().min(0).max(65535).nullable();

const endpoint = (what: string) =>
  z.string().nullable().describe(
    `${what} address; * where the row stands for many; null: unknown.`,
  );

const row = z.strictObject({
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
  direction: text("incoming, outgoing, forwarded, local or unknown."),
  interface: z.string().nullable(),
  length: count("Bytes on the wire of the row's first packet."),
  tcp_flags: z.int().min(0).max(255).nullable().describe("Bits of RFC 9293; null: not TCP."),
  hits: z.int().min(1).describe("Packets that the row stands for."),
  action: z.enum(["allowed", "blocked", "would_block"])
    .describe("would_block: the policy says so, and nothing was enforced."),
});
row satisfies z.ZodType<LogRow>;

export const logs = documented("logs", "Rows, the newest last.", z.array(row));

export const logLine = documented(
  "logs --follow",
  "One line for each row as it comes; the whole of standard output is no document.",
  row,
);

const { byReason: _reasons, byDecodeResult: _results, byDirection: _directions, ...sums } =
  totals.shape;

export const stats = documented(
  "stats",
  "Sums since the database was begun, and of the running pfw. With --watch one such line a second.",
  z.strictObject({
    database: text("The file."),
    since: time("When it was begun.").nullable(),
    totals: z.strictObject(sums),
    byReason,
    topBlocked: z.array(z.strictObject({
      address: address("A source."),
      blocked: count("Packets."),
      wouldBlock: count("Packets."),
      reasonCode: reasonCode.describe("Of its last packet."),
      lastSeen: time("Its last packet."),
    })).max(10).describe("Most packets first."),
    otherBlocked: count("Blocked packets of addresses that are not kept one by one."),
    hours: z.array(z.strictObject({
      hour: time("Its beginning."),
      allowed: count("Packets."),
      blocked: count("Packets."),
      wouldBlock: count("Packets."),
    })).max(24).describe("The last 24 hours, oldest first."),
    losses: losses.nullable().describe("Of the running pfw; null where none runs."),
    running: z.strictObject({ since: time("Its start."), mode, totals, losses }).nullable()
      .describe("The running pfw; null where none runs."),
  }),
);

const action = z.enum(["allow", "block"]);

const step = z.strictObject({
  code: reasonCode,
  outcome: z.enum(["decides", "passes", "depends", "unreached"])
    .describe("depends: on what was left open, a port for instance."),
  text: text("Why, for people."),
  action: action.describe("What the step does to what it matches."),
  entry: address("The entry of a list that holds the address.").optional(),
  rule: z.strictObject({ number: z.int().min(1), id: z.string(), name: z.string() }).optional(),
});

const kernel = z.strictObject({
  set: text("The set that is asked, where a list decides.").optional(),
  isInSet: flag("Whether the kernel says that the set holds the address.").optional(),
  chain: text("The chain that drops, or counts what is let through.").optional(),
  tables: z.array(z.string()).describe("Where the chain stands; empty when it is not there."),
  packets: count("What the chain counted. Packets."),
  bytes: count("Bytes."),
});

export const explain = documented(
  "explain",
  "What becomes of a connection, step by step.",
  z.strictObject({
    address: address("The other end."),
    direction: z.enum(["in", "out"]).describe("Who opens it: in, the other end; out, this host."),
    protocol: z.enum(["tcp", "udp", "icmp"]).optional(),
    port: z.int().min(1).max(65535).optional().describe("Destination port."),
    enforced: flag("Whether a pfw enforces this policy now."),
    action,
    reasonCode,
    reason: text("Why, for people."),
    steps: z.array(step),
    ban: ban.nullable().describe("The ban that covers the address."),
    feeds: z.array(z.strictObject({
      feed: z.string(),
      entry: address("The feed's entry."),
      level: count("As the feed counts it; 0 where it does not say."),
      isApplied: flag("False: refused, as the entry holds what this machine depends on."),
    })),
    kernel: kernel.nullable().describe("What enforces it; null where nothing is enforced."),
    warnings: z.array(z.string()).describe("Others that decide first, and what is not as it was."),
  }) satisfies z.ZodType<ExplainAnswer>,
);
