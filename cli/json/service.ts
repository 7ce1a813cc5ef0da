/** JSON of start, status, stop, reload, cleanup and doctor. */
import * as z from "zod";
import { losses, totals } from "../../engine/control/schemas/figures.ts";
import { running } from "../../engine/control/schemas/status.ts";
import type { Diagnosis } from "../../engine/doctor.ts";
import type { ReplayResult } from "../../engine/replay.ts";
import { REASONS } from "../../engine/policy/verdict.ts";
import { count, flag, mode, some, text } from "../../engine/control/schemas/parts.ts";
import { documented, standingRules, waitingChange } from "./parts.ts";

export const start = documented(
  "start",
  "Printed when it ends. The line that begins `pfw: ready` is on standard error meanwhile.",
  z.strictObject({ mode, totals, losses }),
);

export const replay = documented(
  "start --read",
  "What the policy makes of a capture. Nothing is enforced: blocked means would be blocked.",
  z.strictObject({
    packets: count("Packets in the file."),
    bytes: count("Their bytes on the wire."),
    undecodable: count("Packets that are not IP, or cannot be read: no policy applies."),
    allowed: count("Packets."),
    blocked: count("Packets."),
    byReason: some(REASONS, count("Packets."))
      .describe("Packets by the reason that decided, allowed and blocked together."),
    topBlocked: z.array(z.strictObject({ ip: z.string(), packets: count("Blocked packets.") }))
      .describe("Sources of most blocked packets, most first."),
    seconds: z.number().min(0).describe("Time that it took. Seconds."),
    packetsPerSecond: count("Packets a second."),
    error: text("Why the file could not be read to its end; absent when it was.").optional(),
    lost: count("Packets that the read buffer could not hold; absent when there were none.")
      .optional(),
  }) satisfies z.ZodType<ReplayResult>,
);

const pending = z.strictObject({
  ...waitingChange,
  secondsLeft: z.int().describe("Until the policy before it returns. Seconds."),
}).nullable().describe("A change that waits for `pfw rules confirm`; null: none.");

export const status = documented(
  "status",
  "Whether pfw runs, and how it is.",
  z.union([
    z.strictObject({ running: z.literal(false), standingRules, pending }),
    running.extend({ standingRules, pending }),
  ]),
);

export const dashboard = documented(
  "dashboard",
  "Where the web page of the running pfw is. Exit 1 where it is not open.",
  z.strictObject({
    url: text("The page."),
    signIn: text("The same with the token: whoever has it may do everything."),
  }),
);

export const stop = documented(
  "stop",
  "What became of the running pfw.",
  z.strictObject({
    stopped: flag("Whether one was ended; false: none ran."),
    running: z.literal(false),
    onExit: z.enum(["remove", "keep"]).optional()
      .describe("What became of its rules in the kernel, if it had any. Absent where none ran."),
  }),
);

export const reload = documented(
  "reload",
  "The running pfw has taken over its configuration.",
  z.strictObject({
    reloaded: z.literal(true),
    summary: text("The policy in one line."),
    confirm: z.strictObject(waitingChange).optional().describe("With --confirm."),
  }),
);

export const cleanup = documented(
  "cleanup",
  "What was removed from the kernel.",
  z.strictObject({ removedChains: count("Chains."), removedSets: count("Sets.") }),
);

export const doctor = documented(
  "doctor",
  "Each thing that pfw needs on this machine. Exit 4 where ready is false (2: configuration only).",
  z.strictObject({
    ready: flag("Whether all that enforcing needs is there."),
    checks: z.array(z.strictObject({
      name: z.string(),
      state: z.enum(["ok", "missing", "warning"]),
      needed: flag("Whether pfw cannot enforce without it."),
      detail: text("Its version, its place, or what is wrong with it."),
      fix: text("What to do about it; empty where there is nothing to do."),
    })),
  }) satisfies z.ZodType<Diagnosis>,
);
