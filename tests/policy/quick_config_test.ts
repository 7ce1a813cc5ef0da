/** The short way to read a configuration takes nothing that the schema refuses or reads otherwise. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { checkConfig } from "../../engine/policy/config.ts";
import { DEFAULT_CONFIG } from "../../engine/policy/default_config.ts";
import { quickConfig } from "../../engine/policy/quick_config.ts";
import { configurationKeys } from "../support/configuration_keys.ts";

/** Whether the short way took it; throws unless it then agrees with the schema. */
function isTaken(text: string): boolean {
  const quick = quickConfig(text);
  if (!quick) return false;
  const checked = checkConfig(text);
  ok(checked.ok, `the schema refuses ${text}: ${JSON.stringify(checked)}`);
  deepEqual(quick.config, checked.config, text);
  deepEqual(quick.draft, checked.draft, text);
  return true;
}

/** Every key there is, none of them at its default. */
const EVERY_KEY = {
  $schema: "./firewall_rules.schema.json",
  default_policy: "block",
  rules: [{
    name: "All",
    action: "allow",
    protocol: "tcp",
    ports: [22, "8000-8100"],
    source_ips: ["203.0.113.0/24", "2001:db8::/32"],
    destination_ips: ["192.0.2.1"],
    direction: "in",
    enabled: false,
  }],
  whitelist_ips: ["192.0.2.7"],
  blacklist_ips: ["198.51.100.0/24"],
  rate_limit: { enabled: false, connections: 7, seconds: 3 },
  threat_feeds: [{
    name: "Mine",
    url: "http://127.0.0.1/list",
    format: "ipsum",
    interval: "30m",
    enabled: false,
    headers: { Key: "env:API_KEY", Other: "file:/etc/key" },
    minimum: 3,
    allow_insecure: true,
  }],
  detection: {
    enabled: false,
    dry_run: true,
    port_scan: { enabled: false, dry_run: true, ports: 9, seconds: 8 },
    syn_flood: { enabled: false, dry_run: true, half_open: 9, seconds: 8 },
    blocked_hits: { enabled: false, dry_run: true, hits: 9, seconds: 8 },
    connection_burst: { enabled: false, dry_run: true, connections: 9, seconds: 8, ports: [22] },
  },
  bans: { first: "5m", longest: "1d" },
  dashboard: {
    enabled: true,
    listen: "[::1]:9000",
    certificate: "/etc/pfw.crt",
    key: "/etc/pfw.key",
    hosts: ["firewall.example"],
  },
  on_exit: "keep",
  logging: { allowed_sample: 0.5, retention: "7d", max_size: "500MB" },
};

/** The keys of a value, `rules[].name` and so on. */
function keysIn(value: unknown, before = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => keysIn(each, `${before}[]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const path = before ? `${before}.${key}` : key;
    // The names of headers are no keys of the configuration.
    return path.endsWith(".headers") ? [path] : [path, ...keysIn(child, path)];
  });
}

Deno.test("quick config: takes the defaults, an empty object and every key of the schema", () => {
  const known = configurationKeys().map(({ path }) => path);
  deepEqual([...new Set(keysIn(EVERY_KEY))].toSorted(), known.toSorted());
  for (const config of [{}, DEFAULT_CONFIG, EVERY_KEY]) ok(isTaken(JSON.stringify(config)));
  for (const section of ["rate_limit", "detection", "bans", "logging"]) {
    ok(isTaken(JSON.stringify({ [section]: {} })), section);
  }
});

Deno.test("quick config: a list of defaults is nobody's but the configuration's", () => {
  const [first, second] = [quickConfig("{}")!, quickConfig("{}")!];
  first.config.whitelist_ips.push("192.0.2.1");
  first.config.detection.connection_burst.ports.push(1);
  deepEqual(second.config, checkedConfig("{}"));
  deepEqual(quickConfig("{}")!.config, checkedConfig("{}"));
});

function checkedConfig(text: string) {
  const checked = checkConfig(text);
  ok(checked.ok);
  return checked.config;
}

Deno.test("quick config: takes nothing that is nested too deeply, repeated or no JSON", () => {
  const nested = `{"$schema": ${"[".repeat(40)}${"]".repeat(40)}}`;
  const repeated = `{"on_exit": "keep", "on_exit": "remove"}`;
  const escaped = `{"on_exit": "keep", "on_\\u0065xit": "remove"}`;
  const proto =
    `{"threat_feeds": [{"name": "a", "url": "https://a/", "headers": {"__proto__": "env:A"}}]}`;
  for (const text of ["", " ", "{", "null", "[]", nested, repeated, escaped, proto, '{"x": 1}']) {
    equal(quickConfig(text), undefined, text);
  }
});

/** Values that lie at the edges of what some key takes. */
const EDGES = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1, 2, -1, 0.5, 1.5, 65535, 65536, 1e6, 1e6 + 1),
  fc.constantFrom<unknown>(
    "",
    "a",
    "tcp",
    "icmp",
    "any",
    "in",
    "30s",
    "0s",
    "99999d",
    "1MB",
    "1kB",
  ),
  fc.constantFrom<unknown>("192.0.2.1/33", "::1", "22", "30-20", "env:A", "file:x", [], {}, [""]),
  fc.constantFrom<unknown>("a\u202eb", "x".repeat(101), [[]], [null], [1, 1], { a: 1 }),
);

/** Every place in a value. */
function placesIn(value: unknown, before: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [before];
  const children = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [before, ...children.flatMap(([key, child]) => placesIn(child, [...before, key]))];
}

function replaced(value: unknown, [key, ...rest]: (string | number)[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  const child = replaced(copy[key], rest, by);
  // What is not there is a default.
  if (child === undefined && !Array.isArray(copy)) delete copy[key];
  else copy[key] = child ?? null;
  return copy;
}

Deno.test("quick config: one or two odd values anywhere: it agrees with the schema or passes on", () => {
  const places = placesIn(EVERY_KEY);
  const change = fc.tuple(
    fc.constantFrom(...places),
    fc.oneof(EDGES, fc.constant(undefined), fc.jsonValue({ maxDepth: 3 })),
  );
  let taken = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
      let value: unknown = EVERY_KEY;
      for (const [place, by] of changes) {
        // The first change may have taken the place of the second away.
        if (placesIn(value).some((one) => one.join("\n") === place.join("\n"))) {
          value = replaced(value, place, by);
        }
      }
      if (isTaken(JSON.stringify(value ?? null))) taken++;
    }),
    { numRuns: 3_000 },
  );
  ok(taken > 300, `only ${taken} were taken: the test says little`);
});

Deno.test("quick config: takes as addresses what the schema takes as addresses", () => {
  const number = fc.oneof(fc.nat(300), fc.constantFrom("", "00", "01", "255", "256", "1e1", " 1"));
  const quad = fc.array(number, { minLength: 3, maxLength: 5 }).map((parts) => parts.join("."));
  const odd = fc.constantFrom("1.2.3.4\n", "1.2.3.4.", ".1.2.3.4", "::1\n", "::1 ", "1.2.3.4/32");
  const text = fc.oneof(quad, odd, fc.ipV4(), fc.ipV6(), fc.ipV4Extended());
  fc.assert(
    fc.property(text, (address) => {
      const config = JSON.stringify({ blacklist_ips: [address] });
      equal(isTaken(config), checkConfig(config).ok, config);
    }),
    { numRuns: 2_000 },
  );
});
