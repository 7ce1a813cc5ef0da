/** What becomes of a connection, as `explain`, the socket and the dashboard tell it. */
import * as z from "zod";
import type { ExplainAnswer } from "../explain.ts";
import { address, ban, count, flag, reasonCode, text } from "./parts.ts";

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

export const explained = z.strictObject({
  address: address("The other end."),
  direction: z.enum(["in", "out"]).describe("Who opens it: in, the other end; out, this host."),
  protocol: z.enum(["tcp", "udp", "icmp"]).optional(),
  port: z.int().min(1).max(65535).optional().describe("Destination port."),
  enforced: flag("Whether a pfw enforces this policy now."),
  action,
  reason_code: reasonCode,
  reasonCode: reasonCode.describe("The same as reason_code."),
  reason: text("Why, for people."),
  isLocal: flag("The address is this machine's own: packets within it are never judged."),
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
}) satisfies z.ZodType<ExplainAnswer>;
