/**
 * The configuration as one zod schema: it validates, gives the types, and (config_schema_file.ts)
 * becomes the JSON Schema that editors use. What each key means: docs of the keys are in `.meta`.
 */
import * as z from "zod";
import { FEED_FORMATS } from "../../intel/feed.ts";
import {
  addressProblem,
  headerNameProblem,
  hostProblem,
  nameProblem,
  portProblem,
  secretProblem,
  urlProblem,
} from "./field_problems.ts";
import { LIMITS, LOGIN_PORTS, MIN_DATABASE_SIZE } from "./limits.ts";
import { DEFAULT_LISTEN, listenProblem, parseListenAddress } from "./listen_address.ts";
import { DURATION_PATTERN, MAX_DURATION, parseDuration, parseSize, SIZE_PATTERN } from "./units.ts";

export { LIMITS };

/** At most so many bad entries of one list are named; a list of a million would hide the rest. */
const NAMED_PER_LIST = 100;

/**
 * A list whose entries a plain function judges. Not `z.array(z.string().refine())`: an issue
 * object for each entry of a list of 120,000 costs more than reading the file, and more than
 * memory if all of them are bad.
 */
function listOf<Entry>(
  problemOf: (entry: unknown) => string | undefined,
  limit: number,
  items: Record<string, unknown>,
  description: string,
) {
  const schema = z.array(z.unknown()).check((context) => {
    const entries = context.value;
    const report = (path: number[], message: string) =>
      context.issues.push({ code: "custom", input: entries, path, message, continue: true });
    if (entries.length > limit) return void report([], tooMany(entries.length, limit));
    let bad = 0;
    for (let at = 0; at < entries.length; at++) {
      const problem = problemOf(entries[at]);
      if (problem !== undefined && ++bad <= NAMED_PER_LIST) report([at], problem);
    }
    if (bad > NAMED_PER_LIST) report([], `${bad - NAMED_PER_LIST} more bad entries`);
  }).meta({ description, items, maxItems: limit });
  return schema as unknown as z.ZodType<Entry[], Entry[]>;
}

/** What is said of a list that is too long. */
export function tooMany(count: number, limit: number): string {
  return `has ${count.toLocaleString("en-US")} entries, at most ${
    limit.toLocaleString("en-US")
  } are allowed`;
}

function addresses(description: string) {
  const items = { type: "string", examples: ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32"] };
  return listOf<string>(addressProblem, LIMITS.addresses, items, description);
}

function judgedString(problemOf: (text: string) => string | undefined) {
  return z.string().check((context) => {
    const message = problemOf(context.value);
    if (message === undefined) return;
    context.issues.push({ code: "custom", input: context.value, message, continue: true });
  });
}

const duration = judgedString((text) =>
  parseDuration(text) === undefined
    ? `${JSON.stringify(text)} is not a duration like 30s, 10m, 1h or 30d (at most ${
      MAX_DURATION / 86_400
    }d)`
    : undefined
).meta({ pattern: DURATION_PATTERN.source });

const size = judgedString((text) => {
  const bytes = parseSize(text);
  if (bytes === undefined) return `${JSON.stringify(text)} is not a size like 500MB or 1GB`;
  return bytes < MIN_DATABASE_SIZE ? `${JSON.stringify(text)} is less than 1MB` : undefined;
}).meta({ pattern: SIZE_PATTERN.source });

const ports = listOf<number | string>(portProblem, LIMITS.portsInRule, {
  anyOf: [
    { type: "integer", minimum: 1, maximum: 65535 },
    { type: "string", pattern: "^[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$" },
  ],
}, "Destination ports, 1 to 65535, or ranges such as 8000-8100. Empty: every port.");

const portNumbers = z.array(z.int().min(1).max(65535)).max(LIMITS.portsInRule);

/** One entry of `rules`. */
export const ruleSchema = z.strictObject({
  name: judgedString(nameProblem).meta({ minLength: 1, maxLength: 100 }),
  action: z.enum(["allow", "block"]),
  protocol: z.enum(["tcp", "udp", "icmp", "any"]).default("any")
    .describe("icmp is ICMP on IPv4 and ICMPv6 on IPv6."),
  ports: ports.default([]),
  source_ips: addresses("Empty: every source.").default([]),
  destination_ips: addresses("Empty: every destination.").default([]),
  direction: z.enum(["in", "out", "both"]).default("both")
    .describe("Who opened the connection: in, others; out, this host; both, either."),
  enabled: z.boolean().default(true),
}).refine(portsFitProtocol, {
  path: ["ports"],
  message: "icmp has no ports; leave ports empty or choose tcp, udp or any",
  // Asked even when another field is wrong, so that all problems show at once.
  when: () => true,
});

function portsFitProtocol(rule: unknown): boolean {
  const { protocol, ports } = (rule ?? {}) as { protocol?: unknown; ports?: unknown };
  return protocol !== "icmp" || !Array.isArray(ports) || ports.length === 0;
}

const feedSchema = z.strictObject({
  name: judgedString(nameProblem).meta({ minLength: 1, maxLength: 100 }),
  url: judgedString(urlProblem).meta({ format: "uri" }),
  format: z.enum(["auto", ...FEED_FORMATS]).default("auto")
    .describe("auto recognises the form by its content."),
  interval: duration.default("1h"),
  enabled: z.boolean().default(true),
  headers: z.record(judgedString(headerNameProblem), judgedString(secretProblem)).default({})
    .describe("Headers of the request; a value is env:NAME or file:/path, never the secret."),
  minimum: z.int().min(0).max(255).default(0)
    .describe("IPsum: lists that an address must stand on. AbuseIPDB: lowest score."),
  allow_insecure: z.boolean().default(false).describe("Plain http is taken."),
});

/** What every detector has: a switch, and whether it only says what it would ban. */
const detector = {
  enabled: z.boolean().default(true),
  dry_run: z.boolean().default(false).describe("Say what would be banned, ban nothing."),
};
const threshold = (fallback: number) => z.int().min(2).max(1_000_000).default(fallback);
const span = (fallback: number) => z.int().min(1).max(3_600).default(fallback);

const detectionSchema = z.strictObject({
  enabled: z.boolean().default(true),
  dry_run: z.boolean().default(false).describe("Say what would be banned, ban nothing."),
  port_scan: z.strictObject({ ...detector, ports: threshold(20), seconds: span(10) })
    .prefault({}).describe("Distinct ports or hosts that one source tried; a low port counts 3."),
  syn_flood: z.strictObject({ ...detector, half_open: threshold(150), seconds: span(5) })
    .prefault({}).describe("Connections that one source began and did not complete."),
  blocked_hits: z.strictObject({ ...detector, hits: threshold(30), seconds: span(60) })
    .prefault({}).describe("Packets of one source that rules or the default policy blocked."),
  connection_burst: z.strictObject({
    ...detector,
    connections: threshold(20),
    seconds: span(60),
    ports: portNumbers.default([...LOGIN_PORTS]),
  }).prefault({}).describe("Completed connections of one source to one of these ports."),
}).prefault({}).describe("What leads to a ban by itself.");

const bansSchema = z.strictObject({
  first: duration.default("10m").describe("The first ban of a source; each further one is longer."),
  longest: duration.default("7d"),
}).prefault({});

/** Without TLS only this machine may listen in. */
function isSafeToOpen(dashboard: unknown): boolean {
  const { listen, certificate, key } = (dashboard ?? {}) as Record<string, unknown>;
  const address = typeof listen === "string" ? parseListenAddress(listen) : undefined;
  return !address || address.isLocal || (Boolean(certificate) && Boolean(key));
}

const dashboardSchema = z.strictObject({
  enabled: z.boolean().default(false),
  listen: judgedString(listenProblem).default(DEFAULT_LISTEN)
    .describe("Address and port. Not of loopback: only with certificate and key."),
  certificate: z.string().default("").describe("PEM file with the certificate and its chain."),
  key: z.string().default("").describe("PEM file with its key."),
  hosts: z.array(judgedString(hostProblem)).max(20).default([])
    .describe("Names by which the page may be opened, beside addresses and localhost."),
}).refine(isSafeToOpen, {
  path: ["listen"],
  message: "others could get there: give certificate and key, or listen on 127.0.0.1",
  when: () => true,
}).prefault({}).describe("The web page.");

function haveDistinctNames(feeds: unknown): boolean {
  if (!Array.isArray(feeds)) return true;
  const names = feeds.map((feed) => feed?.name).filter((name) => typeof name === "string");
  return new Set(names).size === names.length;
}

/** The whole configuration file. */
export const configSchema = z.strictObject({
  $schema: z.string().optional(),
  default_policy: z.enum(["allow", "block"]).default("allow")
    .describe("What happens to a packet that no rule matches."),
  rules: z.array(ruleSchema).max(LIMITS.rules).default([])
    .describe("The first rule that matches decides."),
  whitelist_ips: addresses("Always allowed, before anything else.").default(["127.0.0.1", "::1"]),
  blacklist_ips: addresses("Always blocked, unless whitelisted.").default([]),
  rate_limit: z.strictObject({
    enabled: z.boolean().default(true),
    connections: z.int().min(1).max(1_000_000).default(100),
    seconds: z.int().min(1).max(86_400).default(10),
  }).prefault({}).describe("New connections allowed for each source; a /64 counts as one source."),
  threat_feeds: z.array(feedSchema).max(LIMITS.threatFeeds)
    .refine(haveDistinctNames, { message: "two feeds have the same name", when: () => true })
    .default([]),
  detection: detectionSchema,
  bans: bansSchema,
  dashboard: dashboardSchema,
  on_exit: z.enum(["remove", "keep"]).default("remove")
    .describe("What becomes of the rules in the kernel when pfw ends in good order."),
  logging: z.strictObject({
    allowed_sample: z.number().min(0).max(1).default(0.01)
      .describe(
        "Share of the allowed packets looked at that are kept: 0 none, 1 all. Under load most are " +
          "only counted while pfw enforces.",
      ),
    retention: duration.default("30d"),
    max_size: size.default("1GB"),
  }).prefault({}),
});

/** The configuration with every default filled in. */
export type Config = z.output<typeof configSchema>;

/** The configuration as the file has it: what has a default may be missing. */
export type ConfigDraft = z.input<typeof configSchema>;

/** A rule with every default filled in. */
export type ConfigRule = z.output<typeof ruleSchema>;

/** A rule as the file has it. */
export type RuleDraft = z.input<typeof ruleSchema>;
