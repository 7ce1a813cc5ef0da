/** What the requests for changes look like. */
import * as z from "zod";
import { addressProblem } from "../policy/field_problems.ts";
import type { RuleDraft } from "../policy/schema.ts";
import { MOST_ADDRESSES } from "./intel_control.ts";

/** Seconds that a change may wait for its confirmation. */
const SHORTEST_WAIT = 10, LONGEST_WAIT = 3_600;

const manner = {
  force: z.boolean().optional()
    .describe("Also where it cuts off whoever works on this machine."),
  confirm: z.int().min(SHORTEST_WAIT).max(LONGEST_WAIT).optional()
    .describe("It returns after so many seconds unless it is confirmed."),
};

const number = z.int().min(1).describe("As `pfw rules list` shows it.");

const reference = {
  number,
  id: z.string().regex(/^[0-9a-f]{8}$/).describe("Over what the rule says: both must fit."),
};

/** Judged in full where it is put into the configuration. */
const rule = z.record(z.string(), z.unknown())
  .describe("As in the configuration.") as unknown as z.ZodType<RuleDraft>;

const address = z.string().check((context) => {
  const message = addressProblem(context.value);
  if (message) context.issues.push({ code: "custom", input: context.value, message });
});

const addresses = z.array(address).max(MOST_ADDRESSES).optional()
  .describe("IPv4 or IPv6, single or CIDR.");

/** Bodies by path. */
export const EDIT_REQUESTS = {
  "/rules/add": z.strictObject({ rule, position: number.optional(), ...manner }),
  "/rules/replace": z.strictObject({ ...reference, rule, ...manner }),
  "/rules/remove": z.strictObject({ ...reference, ...manner }),
  "/rules/toggle": z.strictObject({ ...reference, ...manner }),
  "/rules/move": z.strictObject({ ...reference, to: number, ...manner }),
  "/lists": z.strictObject({ add: addresses, remove: addresses, ...manner }),
  "/icmp": z.strictObject({ blocked: z.boolean(), ...manner }),
  "/default-policy": z.strictObject({ action: z.enum(["allow", "block"]), ...manner }),
  "/feeds": z.strictObject({ name: z.string(), enabled: z.boolean(), ...manner }),
  "/mode": z.strictObject({ mode: z.enum(["enforce", "monitor"]), force: manner.force }),
} as const;
