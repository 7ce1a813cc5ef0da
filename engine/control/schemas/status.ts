/** The running firewall as `status`, the socket and the dashboard tell it. */
import * as z from "zod";
import type { RunningStatus } from "../status.ts";
import { feed } from "./feed.ts";
import { losses, totals } from "./figures.ts";
import { count, flag, mode, text, time } from "./parts.ts";

const policy = z.strictObject({
  defaultAction: z.enum(["allow", "block"]),
  rules: count("Rules that are switched on."),
  whitelist: count("Entries."),
  blacklist: count("Entries."),
  bans: count("Entries."),
  threats: count("Entries, all feeds merged."),
  rateLimit: text("E.g. `100 per 10 s`, or `off`."),
});

const device = z.strictObject({
  name: text("Interface."),
  open: flag("Whether it is watched now; false while it is away."),
  received: count(
    "Packets handed over, with those that found no room; none that were only counted.",
  ),
  droppedByRing: count("Packets."),
  droppedByInterface: count("Packets."),
  recordsLost: count("Packets that did not fit the capture buffer, or were not found in it."),
  countedOnly: count("Packets that were counted in the kernel and not looked at: too many came."),
  countedOnlyBytes: count("Their bytes."),
});

const kernel = z.strictObject({
  inPlace: flag("Whether all of the policy is in the kernel."),
  differences: z.array(z.string()).describe("What is not as it was applied."),
  sets: z.array(z.strictObject({
    name: text("The ipset."),
    entries: count("Entries."),
    memory: count("Bytes."),
  })),
  chains: count("Chains of pfw."),
  rules: count("Rules in them."),
}).describe("What the kernel holds, as read back from it.");

const drift = z.strictObject({
  repaired: count("How often what somebody else changed was repaired."),
  failed: count("How often that failed."),
  last: z.strictObject({ at: time("When."), differences: z.array(z.string()) }).optional()
    .describe("The last time; absent when there was none."),
});

export const running = z.strictObject({
  running: z.literal(true),
  mode,
  since: time("When it started."),
  version: text("Version of the pfw that runs."),
  pid: z.int().min(1).describe("Its process."),
  config: text("Its configuration file."),
  policy,
  feeds: z.array(feed).optional().describe("Threat feeds, also those that are off."),
  bans: count("Bans in force.").optional(),
  devices: z.array(device),
  kernel: kernel.optional().describe("Absent while only looking on."),
  drift: drift.optional().describe("Absent while only looking on."),
  database: z.strictObject({
    path: z.string(),
    fault: z.string().nullable().describe("Why it cannot be written; null when it can."),
  }),
  dashboard: z.string().nullable()
    .describe("Where the web page is open; null while it is not."),
  totals,
  losses,
  memory: count("Resident memory. Bytes."),
}) satisfies z.ZodType<RunningStatus>;
