/** What several documents of `--json` are made of, beside what others share. */
import * as z from "zod";
import { flag, text, time, wholeRule } from "../../engine/control/schemas/parts.ts";

export const ruleNumber = z.int().min(1).describe("As `pfw rules list` shows it.");

export const numberedRule = z.strictObject({ number: ruleNumber, rule: wholeRule });

/** A change that returns unless it is confirmed. */
export const waitingChange = {
  command: text("The command that made the change."),
  user: text("Who gave it."),
  at: time("When it was made."),
  seconds: z.int().min(1).describe("How long it waits. Seconds."),
  until: time("When the policy before it returns."),
};

/** What every command says that changes the configuration. */
export const change = {
  changed: flag("Whether anything is different now."),
  running: z.boolean().nullable()
    .describe("Whether a running pfw took the change over; null: it was not asked."),
  inKernel: flag("Whether the kernel enforces it now."),
  milliseconds: z.number().min(0).optional()
    .describe("Time from the command to the kernel. Absent where it is not in the kernel."),
  confirm: z.strictObject(waitingChange).optional()
    .describe("With --confirm: what returns unless `pfw rules confirm` comes."),
};

/** One document, as it is named in its file. */
export function documented<Schema extends z.ZodType>(
  command: string,
  description: string,
  schema: Schema,
): Schema {
  return schema.meta({ title: `pfw ${command}`, description });
}

/** Rules in the kernel of which the pfw that was asked knows nothing. */
export const standingRules = z.enum(["none", "left", "other"]).optional().describe(
  "Rules of pfw that the kernel enforces though this pfw does not. left: of one that is gone; " +
    "other: of one that runs with other directories. Absent where this one enforces, and where it " +
    "cannot be told (it takes root).",
);
