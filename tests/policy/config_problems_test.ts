/** What is said of broken configurations: one golden text each. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { checkConfig } from "../../engine/policy/config.ts";
import { ConfigError, problemText } from "../../engine/policy/problem.ts";

function problemsOf(text: string): string[] {
  const checked = checkConfig(text);
  return checked.ok ? [] : checked.problems.map(problemText);
}

const rule = (fields: object) =>
  JSON.stringify({ rules: [{ name: "x", action: "block", ...fields }] });

const GOLDEN: readonly (readonly [string, string, readonly string[]])[] = [
  ["nothing", "", ["line 1: the file is empty"]],
  ["blanks", " \n\t\n", ["line 1: the file is empty"]],
  ["a list", "[]", ["line 1: expected an object, not a list"]],
  ["a number", "5", ["line 1: expected an object, not 5"]],
  ["a comment", "// mine\n{}", ["line 1: comments are not allowed in JSON"]],
  ["a trailing comma", '{\n "rules": [],\n}', [
    "line 3: expected a key in double quotes (a comma too many before it?)",
  ]],
  ["a missing comma", '{"rules": []\n "logging": {}}', ["line 2: expected a comma before this"]],
  ["single quotes", "{'rules': []}", [
    "line 1: not a JSON value (text stands in double quotes)",
  ]],
  ["cut off", '{"rules": [', ["line 1: expected a closing ]"]],
  ["two documents", "{}\n{}", ["line 2: text after the end of the configuration"]],
  ["deep nesting", "[".repeat(100_000), ["line 1: lists and objects nest deeper than 32"]],
  ["an unknown key", '{\n "default_polcy": "block"\n}', [
    'line 2, default_polcy: unknown key; did you mean "default_policy"?',
  ]],
  ["a key in another style", '{"defaultPolicy": "block"}', [
    'line 1, defaultPolicy: unknown key; did you mean "default_policy"?',
  ]],
  ["a key like nothing", '{"colour": 1}', ["line 1, colour: unknown key"]],
  ["a prototype key", '{"__proto__": {}}', ["line 1, __proto__: unknown key"]],
  ["an unknown key of a rule", rule({ port: [1] }), [
    'line 1, rules[0].port: unknown key; did you mean "ports"?',
  ]],
  [
    "an unknown key of a feed",
    '{"threat_feeds":[{"name":"a","url":"https://a","intervall":"1h"}]}',
    [
      'line 1, threat_feeds[0].intervall: unknown key; did you mean "interval"?',
    ],
  ],
  ["a dashboard that others could reach", '{"dashboard": {"listen": "0.0.0.0:8787"}}', [
    "line 1, dashboard.listen: others could get there: give certificate and key, or listen on 127.0.0.1",
  ]],
  ["a dashboard nowhere", '{"dashboard": {"listen": "localhost", "hosts": ["a b"], "prot": 1}}', [
    'line 1, dashboard.listen: "localhost" is not an address and a port like 127.0.0.1:8787 or [::1]:8787',
    'line 1, dashboard.hosts[0]: "a b" is not the name of a machine',
    "line 1, dashboard.prot: unknown key",
  ]],
  ["a repeated key", '{\n "rules": [],\n "logging": {},\n "rules": []\n}', [
    "line 4, rules: stands twice; remove one of them",
  ]],
  ["a repeated and another problem", '{"rate_limit": {"seconds": 0, "seconds": -1}}', [
    "line 1, rate_limit.seconds: must be at least 1, not -1",
    "line 1, rate_limit.seconds: stands twice; remove one of them",
  ]],
  ["a rule without anything", '{"rules":\n [\n {}\n ]}', [
    "line 3, rules[0].name: is missing: text is needed",
    "line 3, rules[0].action: is missing: one of allow, block is needed",
  ]],
  ["wrong words", rule({ action: "deny", protocol: "tpc", direction: "boht" }), [
    'line 1, rules[0].action: must be one of allow, block, not "deny"',
    'line 1, rules[0].protocol: must be one of tcp, udp, icmp, any, not "tpc"; did you mean "tcp"?',
    'line 1, rules[0].direction: must be one of in, out, both, not "boht"; did you mean "both"?',
  ]],
  ["ports", rule({ ports: [0, 65536, 1.5, "23", "9-8", "1-65536", "http", null] }), [
    'line 1, rules[0].ports[0]: 0 is not a port from 1 to 65535 or a range like "8000-8100"',
    'line 1, rules[0].ports[1]: 65536 is not a port from 1 to 65535 or a range like "8000-8100"',
    'line 1, rules[0].ports[2]: 1.5 is not a port from 1 to 65535 or a range like "8000-8100"',
    'line 1, rules[0].ports[3]: "23" is not a port from 1 to 65535 or a range like "8000-8100" ' +
    "(write it without quotes)",
    'line 1, rules[0].ports[4]: "9-8" begins after it ends',
    'line 1, rules[0].ports[5]: "1-65536" is not a port from 1 to 65535 or a range like "8000-8100"',
    'line 1, rules[0].ports[6]: "http" is not a port from 1 to 65535 or a range like "8000-8100"',
    "line 1, rules[0].ports[7]: expected a port, not null",
  ]],
  ["ports of icmp", rule({ protocol: "icmp", ports: [1] }), [
    "line 1, rules[0].ports: icmp has no ports; leave ports empty or choose tcp, udp or any",
  ]],
  [
    "addresses",
    rule({ source_ips: ["1.2.3", "1.2.3.4/33", "01.2.3.4", "a.example", "::1%lo", " ::1", 7] }),
    [
      'line 1, rules[0].source_ips[0]: "1.2.3" is not an IP address or CIDR range',
      'line 1, rules[0].source_ips[1]: "1.2.3.4/33" is not an IP address or CIDR range',
      'line 1, rules[0].source_ips[2]: "01.2.3.4" is not an IP address or CIDR range ' +
      "(write it without leading zeros)",
      'line 1, rules[0].source_ips[3]: "a.example" is not an IP address or CIDR range ' +
      "(names are not resolved)",
      'line 1, rules[0].source_ips[4]: "::1%lo" is not an IP address or CIDR range ' +
      "(write it without the %zone)",
      'line 1, rules[0].source_ips[5]: " ::1" is not an IP address or CIDR range ' +
      "(remove the blanks around it)",
      "line 1, rules[0].source_ips[6]: expected an address, not a number",
    ],
  ],
  [
    "names",
    JSON.stringify(
      {
        rules: ["", " ", "a\u001b[31m", "a\nb", "a\u202eb", "n".repeat(101)]
          .map((name) => ({ name, action: "allow" })),
      },
      null,
      1,
    ).replaceAll("\n   ", " "),
    [
      "line 3, rules[0].name: must not be empty",
      "line 5, rules[1].name: must not be empty",
      'line 7, rules[2].name: "a\\u001b[31m" contains a control character',
      'line 9, rules[3].name: "a\\nb" contains a control character',
      'line 11, rules[4].name: "a\\u202eb" contains a control character',
      "line 13, rules[5].name: is 101 characters long, at most 100",
    ],
  ],
  [
    "limits and units",
    JSON.stringify(
      {
        rate_limit: { enabled: "yes", connections: 1e7, seconds: 1.5 },
        logging: { allowed_sample: 2, retention: "1 day", max_size: "10kB" },
        threat_feeds: [{ name: "f", url: "ftp://a/b", interval: "0s", format: "ipsm" }],
      },
      null,
      1,
    ),
    [
      'line 3, rate_limit.enabled: expected true or false, not "yes"',
      "line 4, rate_limit.connections: must be at most 1000000, not 10000000",
      "line 5, rate_limit.seconds: expected a whole number, not 1.5",
      "line 8, logging.allowed_sample: must be at most 1, not 2",
      'line 9, logging.retention: "1 day" is not a duration like 30s, 10m, 1h or 30d (at most 3650d)',
      'line 10, logging.max_size: "10kB" is less than 1MB',
      'line 15, threat_feeds[0].url: "ftp://a/b" is not an https, http or file URL',
      'line 16, threat_feeds[0].interval: "0s" is not a duration like 30s, 10m, 1h or 30d ' +
      "(at most 3650d)",
      "line 17, threat_feeds[0].format: must be one of auto, plain, ipsum, feodo_csv, feodo_json, " +
      "spamhaus_json, abuseipdb, otx_export, otx_reputation, tor, crowdsec, not " +
      '"ipsm"; did you mean "ipsum"?',
    ],
  ],
  [
    "feeds of one name",
    JSON.stringify({
      threat_feeds: [{ name: "f", url: "https://a/" }, { name: "f", url: "https://b/" }],
    }),
    ["line 1, threat_feeds: two feeds have the same name"],
  ],
  ["too many rules", JSON.stringify({ rules: new Array(10_001).fill(0) }), [
    "line 1, rules: has 10,001 entries, at most 10,000 are allowed",
  ]],
];

for (const [name, text, expected] of GOLDEN) {
  Deno.test(`problems: ${name}`, () => deepEqual(problemsOf(text), expected));
}

Deno.test("problems: of a list of bad addresses a hundred are named and the rest counted", () => {
  const problems = problemsOf(
    JSON.stringify({ blacklist_ips: new Array(5000).fill("x") }, null, 1),
  );
  equal(problems.length, 101);
  equal(problems[0], "line 2, blacklist_ips: 4900 more bad entries");
  ok(problems[100].startsWith("line 102, blacklist_ips[99]:"), problems[100]);
});

Deno.test("problems: the error's one line names the first three and counts the rest", () => {
  const checked = checkConfig('{"a":1,\n"b":1,"c":1,"d":1}');
  ok(!checked.ok);
  const { message, exitCode } = new ConfigError("/x.json", checked.problems);
  equal(exitCode, 2);
  equal(
    message,
    "cannot use /x.json: 4 problems: line 1, a: unknown key, line 2, b: unknown key, " +
      "line 2, c: unknown key, 1 more; see pfw rules check",
  );
});

const VALID = `{
  "default_policy": "block",
  "rules": [
    { "name": "a", "action": "allow", "ports": [22, "80-90"], "source_ips": ["10.0.0.0/8", "::1"] }
  ],
  "rate_limit": { "connections": 5 }, "logging": { "retention": "1h" }
}`;

Deno.test("problems: damaged text never throws, and is valid or has a problem on one of its lines", () => {
  equal(problemsOf(VALID).length, 0);
  const damage = fc.record({
    at: fc.nat(VALID.length),
    cut: fc.nat(6),
    put: fc.oneof(
      fc.string({ maxLength: 4 }),
      fc.constantFrom('"', "{", "}", "[", "]", ",", ":", "\\", "null", "\n", "1e999", "\u0000"),
    ),
  });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
      let text = VALID;
      for (const { at, cut, put } of damages) text = text.slice(0, at) + put + text.slice(at + cut);
      const checked = checkConfig(text);
      if (checked.ok) return;
      ok(checked.problems.length > 0);
      const lines = text.split(/\r\n|\r|\n/).length;
      for (const { line, column, message } of checked.problems) {
        ok(line >= 1 && line <= lines, `line ${line} of ${lines}`);
        ok(column >= 1 && message !== "");
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("problems: any JSON value is answered", () => {
  const keyed = fc.dictionary(
    fc.constantFrom("rules", "default_policy", "logging", "rate_limit", "blacklist_ips", "zz"),
    fc.jsonValue({ maxDepth: 4 }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), keyed), (value) => {
      const text = JSON.stringify(value, null, 1);
      const checked = checkConfig(text);
      ok(checked.ok || checked.problems.length > 0);
    }),
    { numRuns: 2000 },
  );
});
