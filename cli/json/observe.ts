/** JSON of `pfw logs`, `pfw stats` and `pfw explain`. */
import * as z from "zod";
import { explained } from "../../engine/control/schemas/explain.ts";
import { byReason, losses, topBlocked, totals } from "../../engine/control/schemas/figures.ts";
import { row } from "../../engine/control/schemas/log_row.ts";
import { count, mode, text, time } from "../../engine/control/schemas/parts.ts";
import { documented, standingRules } from "./parts.ts";

export const logs = documented(
  "logs",
  "The rows that were written last, in the order of their times, the newest last.",
  z.array(row),
);

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
    topBlocked,
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

export const explain = documented(
  "explain",
  "What becomes of a connection, step by step.",
  explained.extend({ standingRules }),
);
