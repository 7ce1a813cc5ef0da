/** Schemas of what the page sees as it happens: server-sent events and series. */
import * as z from "zod";
import { row } from "../../engine/control/schemas/log_row.ts";
import { count, flag, mode, some, text } from "../../engine/control/schemas/parts.ts";
import { REASONS } from "../../engine/policy/verdict.ts";
import {
  type Bye,
  type Changed,
  type Counts,
  type Hello,
  type LiveRow,
  type LiveTotals,
  type Series,
  SPANS,
  type Tick,
} from "../contract.ts";
import { answer } from "./names.ts";
import type { AllTrue, Same } from "./tie.ts";

/** A point in time. */
export const moment = (what: string) => z.number().describe(`${what} Milliseconds since 1970.`);

export const span = z.enum(SPANS).describe("What a chart shows.");

export const counts = answer(
  "Counts",
  z.strictObject({
    allowed: count("Packets."),
    blocked: some(REASONS, count("Packets.")).describe(
      "Blocked packets by reason; in monitor mode those that would have been. Reasons that did " +
        "not occur are absent.",
    ),
  }),
);

export const liveRow = answer(
  "LiveRow",
  row.pick({
    src_ip: true,
    dst_ip: true,
    src_port: true,
    dst_port: true,
    protocol: true,
    reason: true,
    reason_code: true,
    rule_id: true,
    direction: true,
    interface: true,
    hits: true,
    action: true,
  }).extend({
    seq: count("Grows by one with each row since pfw started."),
    at: moment("When."),
  }),
);

export const liveTotals = answer(
  "LiveTotals",
  z.strictObject({
    packets: count("Packets looked at or only counted."),
    allowed: count("Packets."),
    blocked: count("Packets."),
    wouldBlock: count("Packets that the policy would block, were it enforced."),
    lost: count("Everything that got lost."),
  }),
);

export const series = answer(
  "Series",
  z.strictObject({
    span,
    step: z.int().min(1).describe("What a point stands for. Seconds."),
    at: z.array(z.number()).describe(
      "When each point begins, oldest first; the last one is not over. Milliseconds since 1970.",
    ),
    allowed: z.array(count("Packets.")).describe("One entry for each point."),
    blocked: some(REASONS, z.array(count("Packets."))).describe("One entry for each point."),
  }),
);

export const hello = answer(
  "Hello",
  z.strictObject({
    now: moment("The clock of pfw."),
    version: text("Version of the pfw that runs."),
    instance: text("Changes with each start of pfw."),
    mode,
    since: moment("When pfw started."),
    totals: liveTotals,
    rows: z.array(liveRow).max(200).describe("After `Last-Event-ID`, or the newest; oldest first."),
    missed: count("Rows between `Last-Event-ID` and the first of `rows`."),
  }),
);

export const tick = answer(
  "Tick",
  z.strictObject({
    now: moment("The clock of pfw."),
    seconds: z.number().min(0).describe("Since the tick before."),
    counts,
    totals: liveTotals,
    rows: z.array(liveRow).max(25).describe("The newest, oldest first."),
    unshown: count("Packets in this tick that no row of it shows."),
  }),
);

export const changed = answer(
  "Changed",
  z.strictObject({
    what: z.array(z.enum(["config", "bans", "feeds", "mode", "pending"]))
      .describe("What to ask for again."),
    notice: text(
      "For people; absent where there is nothing to say. Several that came at once are one text.",
    ).optional(),
  }),
);

export const bye = answer("Bye", z.strictObject({ kept: flag("The kernel goes on enforcing.") }));

/** Events of `GET /events` by name. */
export const EVENTS = { hello, tick, changed, bye } as const;

/** What each of them is for. */
export const EVENT_TEXTS: Readonly<Record<keyof typeof EVENTS, string>> = {
  hello: "The first after each connection: all that a page needs to begin or to catch up.",
  tick: "What happened since the one before; its id is the newest `seq`.",
  changed: "Something is to be asked for again.",
  bye: "pfw is stopping.",
};

/** Holds the schemas to the contract. */
export type LiveTies = AllTrue<[
  Same<Counts, typeof counts>,
  Same<LiveRow, typeof liveRow>,
  Same<LiveTotals, typeof liveTotals>,
  Same<Series, typeof series>,
  Same<Hello, typeof hello>,
  Same<Tick, typeof tick>,
  Same<Changed, typeof changed>,
  Same<Bye, typeof bye>,
]>;
