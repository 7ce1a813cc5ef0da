/**
 * What the documents of pfw are made of, those of its commands and those of its socket and its
 * dashboard. Objects are closed: a document holds what its schema names and nothing else, so that
 * no field can appear without being documented.
 */
import * as z from "zod";
import { DETECTORS } from "../../detect/detection.ts";
import type { BanView } from "../../bans/ban.ts";
import type { ConfigRule } from "../../policy/schema.ts";
import { REASONS } from "../../policy/verdict.ts";

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
