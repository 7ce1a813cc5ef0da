/** JSON of `pfw rules …`. */
import * as z from "zod";
import type { PolicyDiff } from "../../engine/policy/policy_diff.ts";
import type { HistoryEntry } from "../../engine/policy/policy_history.ts";
import type { Problem } from "../../engine/policy/problem.ts";
import {
  address,
  count,
  flag,
  rule,
  text,
  time,
  wholeRule,
} from "../../engine/control/schemas/parts.ts";
import { change, documented, numberedRule, ruleNumber, waitingChange } from "./parts.ts";

export const list = documented(
  "rules list",
  "The rules in the order in which they are asked.",
  z.strictObject({
    config: text("The configuration file."),
    running: z.boolean().nullable().describe(
      "Whether a pfw runs, and told what the kernel counted; null: it speaks only to the user that " +
        "started it, or did not answer.",
    ),
    default_policy: z.enum(["allow", "block"]).describe("What happens where no rule matches."),
    rules: z.array(z.strictObject({
      number: ruleNumber,
      id: text("From what the rule matches; stays when it moves or is renamed."),
      ...rule,
      hits: z.strictObject({ packets: count("Packets."), bytes: count("Bytes.") }).nullable()
        .describe("What the kernel counted for it; null where none is known."),
    })),
  }),
);

function placed(word: string, description: string) {
  const action = z.literal(word);
  const schema = z.strictObject({ action, number: ruleNumber, rule: wholeRule, ...change });
  return documented(`rules ${word}`, description, schema);
}

export const add = placed("add", "The rule, and its number in the list.");
export const toggle = placed("toggle", "The rule as it is now.");
export const move = placed("move", "The rule, and the number it has now.");

export const remove = documented(
  "rules remove",
  "The rules that were removed, with the numbers they had.",
  z.strictObject({ action: z.literal("remove"), rules: z.array(numberedRule), ...change }),
);

const problem = z.strictObject({
  path: text("E.g. `rules[2].ports[0]`; empty where the whole file is meant."),
  line: count("From 1; 0 where the file has no line for it."),
  column: count("From 1, in UTF-16 units; 0 where the file has no line for it."),
  message: text("What is wrong."),
}) satisfies z.ZodType<Problem>;

export const check = documented(
  "rules check",
  "What is wrong with a configuration. Exit 2 where it is not valid.",
  z.strictObject({
    file: text("The file that was checked."),
    valid: z.boolean(),
    exists: flag("False: there is none yet, and its defaults were checked."),
    problems: z.array(problem).max(1001),
    warnings: z.array(z.string()).describe("What a valid configuration asks for in vain."),
    plan: text("With --plan: what would be put into the kernel.").optional(),
  }),
);

export const importRules = documented(
  "rules import",
  "How much was taken over.",
  z.strictObject({
    action: z.literal("import"),
    rules: z.strictObject({ added: count("Rules."), alreadyThere: count("Rules.") }),
    addresses: z.strictObject({ added: count("Addresses."), alreadyThere: count("Addresses.") })
      .describe("Of the older form: addresses for the blacklist."),
    leftOut: z.array(z.string())
      .describe("Keys of a whole configuration that were not taken: only its rules are."),
    ...change,
  }),
);

export const exportRules = documented(
  "rules export",
  "The rules as `rules import` reads them; the same without --json.",
  z.strictObject({ rules: z.array(wholeRule) }),
);

export const confirm = documented(
  "rules confirm",
  "The change that is kept.",
  z.strictObject({ confirmed: z.strictObject(waitingChange) }),
);

export const history = documented(
  "rules history",
  "The policies that were put in place, the newest last.",
  z.strictObject({
    entries: z.array(
      z.strictObject({
        number: z.int().min(1).describe("Never given twice."),
        at: time("When it was put in place."),
        command: text("What put it in place."),
        user: text("Who; may be empty."),
        hash: z.string().regex(/^[0-9a-f]{64}$/).describe("SHA-256 of the file's text."),
        bytes: count("Bytes of the text."),
        stored: count("Bytes that the entry takes on disk."),
      }) satisfies z.ZodType<HistoryEntry>,
    ).max(20),
  }),
);

const listDiff = z.strictObject({ added: z.array(address()), removed: z.array(address()) });

const diffFields = {
  rules: z.strictObject({
    added: z.array(numberedRule),
    removed: z.array(numberedRule).describe("With the numbers they had."),
    changed: z.array(z.strictObject({
      from: numberedRule,
      to: numberedRule,
      fields: z.array(z.string()).describe("For people, e.g. `ports 23 → 23,24`."),
    })),
    moved: z.array(z.strictObject({ name: z.string(), from: ruleNumber, to: ruleNumber })),
  }),
  whitelist: listDiff,
  blacklist: listDiff,
  settings: z.array(z.string()).describe('For people, e.g. `default_policy "allow" → "block"`.'),
};
z.strictObject(diffFields) satisfies z.ZodType<PolicyDiff>;

export const diff = documented(
  "rules diff",
  "What changed from an entry of the history to the configuration of now.",
  z.strictObject({
    number: z.int().min(1).describe("The entry."),
    same: flag("Whether both mean the same."),
    ...diffFields,
  }),
);

export const rollback = documented(
  "rules rollback",
  "The entry that the configuration says now.",
  z.strictObject({ action: z.literal("rollback"), number: z.int().min(1), ...change }),
);
