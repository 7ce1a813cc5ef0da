/** Schemas of what the dashboard and the socket answer to questions. */
import * as z from "zod";
import type { RunningLifelines, RunningStats } from "../../engine/control/status.ts";
import type { RuleHits } from "../../engine/control/client.ts";
import { explained } from "../../engine/control/schemas/explain.ts";
import { feed as feedSchema } from "../../engine/control/schemas/feed.ts";
import { byReason, losses, topBlocked, totals } from "../../engine/control/schemas/figures.ts";
import { row } from "../../engine/control/schemas/log_row.ts";
import {
  address,
  ban as banSchema,
  count,
  flag,
  mode,
  text,
  time,
  wholeRule,
} from "../../engine/control/schemas/parts.ts";
import { running } from "../../engine/control/schemas/status.ts";
import type {
  BansAnswer,
  BanView,
  ConfigRule,
  ConfigView,
  ExplainAnswer,
  ListHead,
  LogRow,
  LogsAnswer,
  Overview,
  PendingView,
  RuleView,
  RunningStatus,
  StoredStats,
  ThreatsAnswer,
} from "../contract.ts";
import { answer } from "./names.ts";
import type { AllTrue, Fits, Same } from "./tie.ts";

export const ban = answer("Ban", banSchema);
export const feed = answer("Feed", feedSchema);
export const configRule = answer("ConfigRule", wholeRule);
export const logRow = answer("LogRow", row);
export const status = answer("RunningStatus", running);
export const explainAnswer = answer("ExplainAnswer", explained);

export const pending = answer(
  "PendingView",
  z.strictObject({
    command: text("The command or the change that was made."),
    user: text("Who made it."),
    secondsLeft: z.number().describe("Until what was before returns. Seconds."),
  }),
);

export const listHead = answer(
  "ListHead",
  z.strictObject({
    total: count("Entries of the whole list; with `search` those that match."),
    offset: count("Of these, entries before the first one here."),
    entries: z.array(address()).max(200),
  }),
);

export const ruleView = answer(
  "RuleView",
  z.strictObject({
    number: z.int().min(1).describe("As `pfw rules list` shows it."),
    id: text("Over what the rule says; a change names it beside the number."),
    rule: configRule,
    packets: count("What the kernel counted since pfw started; 0 in monitor mode."),
    bytes: count("Bytes of those."),
  }),
);

export const configView = answer(
  "ConfigView",
  z.strictObject({
    default_policy: z.enum(["allow", "block"]),
    rules: z.array(ruleView),
    whitelist: listHead,
    blacklist: listHead,
    rate_limit: z.strictObject({
      enabled: z.boolean(),
      connections: count("New connections of one source."),
      seconds: z.int().min(1).describe("In so many seconds."),
    }),
    icmpBlocked: flag("Whether the first rule that speaks of all incoming ICMP blocks it."),
  }),
);

export const overview = answer(
  "Overview",
  z.strictObject({
    status,
    config: configView,
    pending: pending.nullable().describe("A change that returns unless it is confirmed."),
  }),
);

export const logs = answer(
  "LogsAnswer",
  z.strictObject({ rows: z.array(logRow).describe("Oldest first.") }),
);

export const bans = answer(
  "BansAnswer",
  z.strictObject({
    bans: z.array(ban).describe("Those in force; after a change those that were changed."),
    unknown: z.array(address()).optional().describe("Asked for, and not banned."),
    mode: mode.optional(),
  }),
);

export const threats = answer(
  "ThreatsAnswer",
  z.strictObject({
    feeds: z.array(feed),
    entries: count("Entries in force, all feeds merged."),
    updating: flag("Whether an update is under way."),
    underWay: z.array(z.string()).optional().describe("Which feeds it concerns."),
    fault: z.string().nullable()
      .describe("Why the kernel does not have the newest lists; null when it does."),
    mode: mode.optional(),
  }),
);

const volume = z.strictObject({ packets: count("Packets."), bytes: count("Bytes.") });

const hour = z.strictObject({
  hour: time("Its beginning."),
  allowed: count("Packets."),
  blocked: count("Packets."),
  wouldBlock: count("Packets."),
});

export const summary = answer(
  "StoredStats",
  z.strictObject({
    since: time("When the database was begun."),
    allowed: volume,
    blocked: volume,
    wouldBlock: volume,
    undecodable: volume,
    byReason,
    topBlocked,
    otherBlocked: count("Blocked packets of addresses that are not kept one by one."),
    hours: z.array(hour).max(24).describe("The last 24 hours, oldest first."),
  }),
);

export const stats = answer(
  "RunningStats",
  z.strictObject({ since: time("When pfw started."), mode, totals, losses }),
);

export const ruleHits = answer(
  "RuleHits",
  z.array(z.strictObject({
    id: text("Of the rule."),
    packets: count("Packets."),
    bytes: count("Bytes."),
  })),
);

const word = z.int();

const prefix = z.strictObject({
  family: z.union([z.literal(4), z.literal(6)]),
  words: z.tuple([word, word, word, word])
    .describe("Signed 32-bit words in network order; IPv4 uses the first."),
  length: z.int().min(0).max(128),
});

const port = z.int().min(0).max(65535);

const session = z.strictObject({
  peer: prefix,
  peerPort: port,
  local: prefix.optional(),
  localPort: port,
});

export const lifelines = answer(
  "RunningLifelines",
  z.strictObject({
    sessions: z.array(session).describe("SSH sessions."),
    viewers: z.array(session).optional().describe("From where the dashboard is looked at."),
    gateways: z.array(prefix),
    resolvers: z.array(prefix),
    own: z.array(prefix).describe("The machine's own addresses, loopback left out."),
    ends: z.array(z.strictObject({ peer: prefix, local: prefix })).optional()
      .describe("Which of them it speaks from to gateways and name servers."),
    mode,
    config: text("The configuration file."),
    dataDir: text("Where the database and the feeds are."),
  }),
);

/** Holds the schemas to the types. */
export type AskingTies = AllTrue<[
  Same<BanView, typeof ban>,
  Same<ConfigRule, typeof configRule>,
  Same<LogRow, typeof logRow>,
  Same<PendingView, typeof pending>,
  Same<ListHead, typeof listHead>,
  Same<RuleView, typeof ruleView>,
  Same<ConfigView, typeof configView>,
  Same<LogsAnswer, typeof logs>,
  Same<BansAnswer, typeof bans>,
  Same<ThreatsAnswer, typeof threats>,
  Same<StoredStats, typeof summary>,
  Same<RuleHits[], typeof ruleHits>,
  Same<RunningLifelines, typeof lifelines>,
  Same<keyof Overview, z.ZodType<keyof z.output<typeof overview>>>,
  Fits<Overview, typeof overview>,
  Fits<RunningStatus, typeof status>,
  Fits<ExplainAnswer, typeof explainAnswer>,
  Fits<RunningStats, typeof stats>,
]>;
