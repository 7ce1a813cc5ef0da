/**
 * What several documents of `--json` are made of. Objects are closed: a document holds what its
 * schema names and nothing else, so that no field can appear without being documented.
 */
import * as z from "zod";
import { DETECTORS } from "../../engine/detect/detection.ts";
import type { BanView } from "../../engine/bans/ban.ts";
import type { ConfigRule } from "../../engine/policy/schema.ts";
import { REASONS } from "../../engine/policy/verdict.ts";

/** A number of things, from 0. */
export const count = (what: string) => z.int().min(0).describe(what);

/** A point in time. */
export const time = (what: string) => z.iso.datetime().describe(`${what} ISO 8601, UTC.`);

/** Text for people or a name that somebody gave. */
export const text = (what: string) => z.string().describe(what);

/** Yes or no. */
export const flag = (what: string) => z.boolean().describe(what);

/** One IP address or CIDR range. */
export const address = (what = "An address.") =>
  z.string().describe(`${what} IPv4 or IPv6, single or CIDR.`);

export const mode = z.enum(["enforce", "monitor"])
  .describe("enforce: the kernel blocks; monitor: pfw only observes.");

export const reasonCode = z.enum(REASONS)
  .describe("Why a packet passes or does not, in the order in which these are asked.");

/** A rule with every field. */
export const rule = {
  name: text("What the rule is for."),
  action: z.enum(["allow", "block"]),
  protocol: z.enum(["tcp", "udp", "icmp", "any"]),
  ports: z.array(z.union([z.int().min(1).max(65535), z.string()]))
    .describe("Destination ports, or ranges such as 8000-8100. Empty: every port."),
  source_ips: z.array(address()).describe("Empty: every source."),
  destination_ips: z.array(address()).describe("Empty: every destination."),
  direction: z.enum(["in", "out", "both"])
    .describe("Who opened the connection: in, others; out, this host; both, either."),
  enabled: z.boolean(),
};

export const wholeRule = z.strictObject(rule) satisfies z.ZodType<ConfigRule>;

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

/** Some of the values of a kind, each with something. */
export function some<Key extends string, Value extends z.ZodType>(
  keys: readonly Key[],
  value: Value,
) {
  return z.partialRecord(z.enum(keys), value);
}

export const ban = z.strictObject({
  address: address("What is banned."),
  cause: z.enum([...DETECTORS, "manual"]).describe("The detector that found it; manual: a person."),
  reason: text("For people, as it follows `Banned: ` in the log."),
  evidence: z.record(z.string(), z.union([z.number(), z.string(), z.array(z.number())]))
    .describe("Figures and samples of what was seen; which ones depends on the cause."),
  since: time("When it began."),
  until: time("When it ends."),
  secondsLeft: z.number().min(0).describe("Until then. Seconds."),
  offences: z.int().min(0).describe("How often this source was banned, this time included."),
}) satisfies z.ZodType<BanView>;

/** One document, as it is named in its file. */
export function documented<Schema extends z.ZodType>(
  command: string,
  description: string,
  schema: Schema,
): Schema {
  return schema.meta({ title: `pfw ${command}`, description });
}
