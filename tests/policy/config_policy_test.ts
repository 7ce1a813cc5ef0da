/** Configuration to policy: units, ids, ports, and the same policy for the same meaning. */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { buildPolicy } from "../../engine/policy/build_policy.ts";
import { checkConfig } from "../../engine/policy/config.ts";
import { configJsonSchema } from "../../engine/policy/config_schema_file.ts";
import { DEFAULT_CONFIG } from "../../engine/policy/default_config.ts";
import { formatConfig } from "../../engine/policy/format_config.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { mergePorts, ruleIds } from "../../engine/policy/rule_id.ts";
import {
  type Config,
  type ConfigDraft,
  configSchema,
  type RuleDraft,
  ruleSchema,
} from "../../engine/policy/schema.ts";
import { settingsOf } from "../../engine/policy/settings.ts";
import { parseDuration, parseSize } from "../../engine/policy/units.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";

function configOf(draft: unknown): Config {
  const checked = checkConfig(JSON.stringify(draft));
  ok(checked.ok, JSON.stringify(checked));
  return checked.config;
}

/** A policy as plain data. */
function plain(policy: Policy): unknown {
  const texts = (list: PrefixList) => [...list.texts(4), ...list.texts(6)];
  return JSON.parse(
    JSON.stringify(policy, (_key, value) => value instanceof PrefixList ? texts(value) : value),
  );
}

Deno.test("config: the defaults are those of the handbook", () => {
  const config = configOf(DEFAULT_CONFIG);
  const policy = buildPolicy(config);
  const [rule] = policy.rules;
  equal(policy.rules.length, 1);
  match(rule.id, /^[0-9a-f]{8}$/);
  deepEqual(plain(policy), {
    defaultAction: "allow",
    rules: [{
      number: 1,
      id: rule.id,
      name: "Block Telnet, RPC, NetBIOS, SMB and RDP",
      action: "block",
      protocol: "tcp",
      ports: [23, 135, 139, 445, 3389].map((port) => ({ first: port, last: port })),
      sources: [],
      destinations: [],
      direction: "in",
    }],
    whitelist: ["127.0.0.1", "::1"],
    blacklist: [],
    bans: [],
    threats: [],
    rateLimit: { connections: 100, seconds: 10 },
  });
  deepEqual(settingsOf(config), {
    threatFeeds: [{
      name: "Feodo Tracker",
      url: "https://feodotracker.abuse.ch/downloads/ipblocklist.txt",
      format: "auto",
      interval: 3600,
      headers: {},
      minimum: 0,
      allowInsecure: false,
    }],
    detection: {
      portScan: { enabled: true, isDryRun: false, threshold: 20, seconds: 10 },
      synFlood: { enabled: true, isDryRun: false, threshold: 150, seconds: 5 },
      blockedHits: { enabled: true, isDryRun: false, threshold: 30, seconds: 60 },
      connectionBurst: {
        enabled: true,
        isDryRun: false,
        threshold: 20,
        seconds: 60,
        ports: [21, 22, 23, 110, 143, 389, 465, 587, 993, 995]
          .concat([1433, 3306, 3389, 5432, 5900, 5985, 6379]),
      },
    },
    bans: { first: 600, longest: 7 * 86_400 },
    allowedSample: 0.01,
    retention: 30 * 86_400,
    maxSize: 1e9,
    onExit: "remove",
    dashboard: { enabled: false, listen: "127.0.0.1:8787", certificate: "", key: "", hosts: [] },
  });
});

Deno.test("config: an empty object has defaults, and invents neither rules nor feeds", () => {
  const config = configOf({});
  deepEqual([config.rules, config.threat_feeds, config.blacklist_ips], [[], [], []]);
  deepEqual(config.whitelist_ips, ["127.0.0.1", "::1"]);
  deepEqual(config.rate_limit, { enabled: true, connections: 100, seconds: 10 });
  equal(config.default_policy, "allow");
});

Deno.test("config: every key but a rule's name and action has a default", () => {
  deepEqual(ruleSchema.parse({ name: "a", action: "block" }), {
    name: "a",
    action: "block",
    protocol: "any",
    ports: [],
    source_ips: [],
    destination_ips: [],
    direction: "both",
    enabled: true,
  });
});

Deno.test("config: disabled rules count in the numbers and are no part of the policy", () => {
  const rule = (name: string, enabled: boolean) => ({ name, action: "block", enabled });
  const policy = buildPolicy(
    configOf({
      rules: [rule("a", false), rule("b", true), rule("c", false), rule("d", true)],
      rate_limit: { enabled: false },
    }),
    { bans: PrefixList.parse(["192.0.2.1"]) },
  );
  deepEqual(policy.rules.map(({ number, name }) => [number, name]), [[2, "b"], [4, "d"]]);
  equal(policy.rateLimit, undefined);
  equal(policy.bans.size, 1);
});

Deno.test("config: ports are sorted, and overlapping and adjacent ranges merged", () => {
  deepEqual(mergePorts([80, "1-3", 4, "2-2", 65535, "65000-65534", 80, "70-90"]), [
    { first: 1, last: 4 },
    { first: 70, last: 90 },
    { first: 65000, last: 65535 },
  ]);
});

Deno.test("config: durations and sizes", () => {
  deepEqual(["30s", "10m", "1h", "30d", "3650d"].map(parseDuration), [
    30,
    600,
    3600,
    2_592_000,
    315_360_000,
  ]);
  for (const text of ["", "0s", "1", "s", "1.5h", "-1h", " 1h", "1h ", "1w", "3651d", "1e3s"]) {
    equal(parseDuration(text), undefined, text);
  }
  deepEqual(["1GB", "1.5 GB", "10MB", "2KiB", "1TiB", "7B"].map(parseSize), [
    1e9,
    1.5e9,
    1e7,
    2048,
    2 ** 40,
    7,
  ]);
  for (const text of ["", "1", "GB", "-1GB", "1 G", "1PB", "1e9B", "1GB "]) {
    equal(parseSize(text), undefined, text);
  }
});

Deno.test("config: the JSON Schema asks for what has no default and refuses unknown keys", () => {
  // deno-lint-ignore no-explicit-any
  const schema = configJsonSchema() as any;
  deepEqual(Object.keys(schema.properties), Object.keys(configSchema.shape));
  deepEqual([schema.required, schema.additionalProperties], [undefined, false]);
  const rule = schema.properties.rules.items;
  deepEqual([rule.required, rule.additionalProperties], [["name", "action"], false]);
  deepEqual(rule.properties.protocol.enum, ["tcp", "udp", "icmp", "any"]);
  deepEqual(rule.properties.ports.items.anyOf[0], { type: "integer", minimum: 1, maximum: 65535 });
  equal(schema.properties.blacklist_ips.items.type, "string");
  equal(schema.properties.logging.properties.retention.pattern, "^[1-9]\\d{0,9}[smhd]$");
});

const port = fc.integer({ min: 1, max: 65535 });
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6().filter((text) => !text.includes(".")),
  fc.tuple(fc.ipV4(), fc.nat(32)).map(([text, length]) => `${text}/${length}`),
);
const ruleArbitrary: fc.Arbitrary<RuleDraft> = fc.record({
  name: fc.stringMatching(/^[a-z]{1,12}$/),
  action: fc.constantFrom("allow", "block"),
  protocol: fc.constantFrom("tcp", "udp", "any"),
  ports: fc.array(
    fc.oneof(port, fc.tuple(port, port).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`)),
    { maxLength: 5 },
  ),
  source_ips: fc.array(address, { maxLength: 4 }),
  destination_ips: fc.array(address, { maxLength: 4 }),
  direction: fc.constantFrom("in", "out", "both"),
  enabled: fc.boolean(),
}, { requiredKeys: ["name", "action"] });
const configArbitrary: fc.Arbitrary<ConfigDraft> = fc.record({
  default_policy: fc.constantFrom("allow", "block"),
  rules: fc.array(ruleArbitrary, { maxLength: 8 }),
  whitelist_ips: fc.array(address, { maxLength: 5 }),
  blacklist_ips: fc.array(address, { maxLength: 5 }),
  rate_limit: fc.record({
    enabled: fc.boolean(),
    connections: fc.integer({ min: 1, max: 1_000_000 }),
    seconds: fc.integer({ min: 1, max: 86_400 }),
  }, { requiredKeys: [] }),
}, { requiredKeys: [] });

Deno.test("config: a valid configuration survives formatting, and its policy with it", () => {
  fc.assert(fc.property(configArbitrary, (draft) => {
    const checked = checkConfig(formatConfig(draft));
    ok(checked.ok, JSON.stringify(checked));
    deepEqual(checked.draft, JSON.parse(JSON.stringify(draft)));
    deepEqual(plain(buildPolicy(checked.config)), plain(buildPolicy(configOf(draft))));
    // All defaults written out mean the same.
    deepEqual(plain(buildPolicy(configOf(checked.config))), plain(buildPolicy(checked.config)));
  }));
});

Deno.test("config: the order of addresses and ports changes neither policy nor ids", () => {
  fc.assert(fc.property(configArbitrary, (draft) => {
    const turned = structuredClone(draft);
    turned.whitelist_ips?.reverse();
    turned.blacklist_ips?.reverse();
    for (const rule of turned.rules ?? []) {
      rule.ports?.reverse();
      rule.source_ips = [...rule.source_ips ?? [], ...rule.source_ips ?? []].reverse();
      rule.destination_ips?.reverse();
    }
    deepEqual(plain(buildPolicy(configOf(turned))), plain(buildPolicy(configOf(draft))));
  }));
});

Deno.test("config: ids survive moves and switching off, and tell rules apart", () => {
  fc.assert(fc.property(fc.array(ruleArbitrary, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (
    drafts,
    random,
  ) => {
    const rules = drafts.map((draft) => ruleSchema.parse(draft));
    const ids = ruleIds(rules);
    const order = rules.map((_, at) => ({ at, key: random.next().value as number }))
      .sort((a, b) => a.key - b.key).map(({ at }) => at);
    const moved = order.map((at) => ({ ...rules[at], enabled: !rules[at].enabled }));
    deepEqual(ruleIds(moved), order.map((at) => ids[at]));
  }));
  const [a] = ruleIds([ruleSchema.parse({ name: "a", action: "block" })]);
  const [b] = ruleIds([ruleSchema.parse({ name: "a", action: "allow" })]);
  notEqual(a, b);
});

Deno.test("config: 10,000 rules have 10,000 ids, rules of one meaning share theirs", () => {
  const rules = Array.from(
    { length: 10_000 },
    (_, at) => ruleSchema.parse({ name: `rule ${at}`, action: "block" }),
  );
  equal(new Set(ruleIds(rules)).size, 10_000);
  const twice = ruleIds([rules[1], rules[2], { ...rules[1], ports: [] }]);
  equal(twice[0], twice[2]);
});

Deno.test("config: two rules whose hashes collide get different ids", () => {
  // With 32 bits some 80,000 names are enough to find such a pair.
  const seen = new Map<string, number>();
  let pair: [number, number] | undefined;
  for (let at = 0; !pair; at++) {
    const [id] = ruleIds([ruleSchema.parse({ name: `r${at}`, action: "block" })]);
    const before = seen.get(id);
    if (before !== undefined) pair = [before, at];
    seen.set(id, at);
  }
  const rules = pair.map((at) => ruleSchema.parse({ name: `r${at}`, action: "block" }));
  const [first, second] = ruleIds(rules);
  notEqual(first, second);
  equal(ruleIds([rules[0]])[0], first);
});
