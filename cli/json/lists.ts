/** JSON of `pfw blacklist …`, `pfw whitelist …` and `pfw bans …`. */
import * as z from "zod";
import { address, ban, count, flag, mode, text } from "../../engine/control/schemas/parts.ts";
import { change, documented, standingRules } from "./parts.ts";

type List = "blacklist" | "whitelist";

const invalid = z.array(z.strictObject({
  line: z.int().min(1).describe("Line of standard input."),
  problem: text("Why it is no address."),
})).describe("With --skip-invalid: what was left out.");

export const listOf = (list: List) =>
  documented(
    `${list} list`,
    "The addresses in the order of the file.",
    z.strictObject({
      list: z.literal(list),
      count: count("Addresses."),
      addresses: z.array(address()),
    }),
  );

export const addTo = (list: List) =>
  documented(
    `${list} add`,
    "What was added, in canonical form.",
    z.strictObject({
      action: z.literal("add"),
      list: z.literal(list),
      added: z.array(address()),
      alreadyThere: z.array(address()),
      invalid,
      overlapping: z.array(z.strictObject({
        address: address("What was added."),
        entry: address("The entry of the other list."),
      })).describe("What stands on both lists: there the whitelist wins."),
      ...change,
    }),
  );

export const removeFrom = (list: List) =>
  documented(
    `${list} remove`,
    "What was removed, in canonical form.",
    z.strictObject({
      action: z.literal("remove"),
      list: z.literal(list),
      removed: z.array(address()),
      invalid,
      ...change,
    }),
  );

export const bans = documented(
  "bans list",
  "The bans in force, the newest last.",
  z.strictObject({
    running: flag("False: as the database has them for the next start."),
    mode: mode.nullable().describe("Of the running pfw; null where none runs."),
    count: count("Bans."),
    bans: z.array(ban),
    standingRules,
  }),
);

const outcome = {
  changed: flag("Whether anything is different now."),
  running: flag("Whether a running pfw made the change; false: it is for the next start."),
  inKernel: flag("Whether the kernel enforces it now."),
  milliseconds: z.number().min(0).optional()
    .describe("Time from the command to the kernel. Absent where it is not in the kernel."),
};

export const addBans = documented(
  "bans add",
  "The bans that were made.",
  z.strictObject({ action: z.literal("add"), bans: z.array(ban), ...outcome }),
);

export const removeBans = documented(
  "bans remove",
  "The bans that were lifted. Exit 1 where unknown is not empty.",
  z.strictObject({
    action: z.literal("remove"),
    removed: z.array(address()),
    unknown: z.array(address()).describe("What was named and is not banned."),
    ...outcome,
  }),
);
