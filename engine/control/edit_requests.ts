/** What the requests for changes look like. */
import * as z from "zod";
import { addressProblem } from "../policy/field_problems.ts";
import { ruleSchema } from "../policy/schema.ts";
import { MOST_ADDRESSES } from "./intel_control.ts";
import { flag, mode, text } from "./schemas/parts.ts";

/** Seconds that a change may wait for its confirmation. */
const SHORTEST_WAIT = 10, LONGEST_WAIT = 3_600;

const force = flag("Also where it cuts off whoever works on this machine.").optional();

const manner = {
  force,
  confirm: z.int().min(SHORTEST_WAIT).max(LONGEST_WAIT).optional()
    .describe("It returns after so many seconds unless `POST /api/change/confirm` comes."),
};

const number = z.int().min(1).describe("As `pfw rules list` shows it.");

const reference = {
  number,
  id: text("Over what that rule says: both must fit, so that nobody changes another by mistake."),
};

const address = z.string().check((context) => {
  const message = addressProblem(context.value);
  if (message) context.issues.push({ code: "custom", input: context.value, message });
}).describe("IPv4 or IPv6, single or CIDR.");

const addresses = z.array(address).max(MOST_ADDRESSES).optional();

/** `POST /rules/add`. */
export const addRuleRequest = z.strictObject({
  ...manner,
  rule: ruleSchema,
  position: number.optional().describe("Where it is put; at the end unless given."),
});

/** A rule that stands in the place of another; `replaceRule` judges what must fit together in it. */
export const replacingRule = z.strictObject({
  ...ruleSchema.shape,
  enabled: flag("As the rule is now, unless given.").optional(),
});

/** `POST /rules/replace`. */
export const replaceRuleRequest = z.strictObject({ ...manner, ...reference, rule: replacingRule });

/** `POST /rules/remove`. */
export const changeRuleRequest = z.strictObject({ ...manner, ...reference });

/** `POST /rules/toggle`. */
export const toggleRuleRequest = z.strictObject({
  ...manner,
  ...reference,
  enabled: flag("What it is to be; the other of the two unless given.").optional(),
});

/** `POST /rules/move`. */
export const moveRuleRequest = z.strictObject({
  ...manner,
  ...reference,
  to: number.describe("The number it gets."),
});

/** `POST /lists/blacklist` and `/lists/whitelist`. */
export const changeListRequest = z.strictObject({ ...manner, add: addresses, remove: addresses });

/** `POST /icmp`. */
export const changeIcmpRequest = z.strictObject({
  ...manner,
  blocked: flag("Whether all incoming ICMP is blocked."),
});

/** `POST /default-policy`. */
export const changeDefaultRequest = z.strictObject({
  ...manner,
  action: z.enum(["allow", "block"]),
});

/** `POST /feeds`. */
export const changeFeedRequest = z.strictObject({
  ...manner,
  name: text("Of a configured feed."),
  enabled: z.boolean(),
});

/** `POST /mode`. */
export const changeModeRequest = z.strictObject({ mode, force });
