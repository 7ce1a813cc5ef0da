/** Rules from other files, today's forms and the older one. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { problemText } from "../../engine/policy/problem.ts";
import { applyImport, readImport } from "../../engine/policy/import_rules.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";

function read(value: unknown) {
  const source = readImport(typeof value === "string" ? value : JSON.stringify(value));
  ok(source.ok, JSON.stringify(source));
  return source;
}

function problems(value: unknown): string[] {
  const source = readImport(JSON.stringify(value));
  return source.ok ? [] : source.problems.map(problemText);
}

const RULE = { name: "a", action: "block", ports: [23] };

Deno.test("import: a list of rules, a whole configuration, an export", () => {
  for (const form of [[RULE], { rules: [RULE] }, { rules: [RULE], blacklist_ips: ["192.0.2.1"] }]) {
    const { rules, addresses } = read(form);
    deepEqual(rules, [RULE]);
    deepEqual(addresses, [], "of a configuration only the rules are taken");
  }
});

Deno.test("import: what a configuration says beside its rules is named", () => {
  const lists = { blacklist_ips: ["192.0.2.1"], whitelist_ips: [] };
  const whole = { $schema: "x", default_policy: "block", rules: [RULE], ...lists };
  deepEqual(read(whole).leftOut, ["default_policy", "blacklist_ips"]);
  for (const form of [[RULE], { rules: [RULE] }, { block_ips: ["192.0.2.1"] }]) {
    deepEqual(read(form).leftOut, []);
  }
});

Deno.test("import: the older form becomes rules and blacklisted addresses", () => {
  const { rules, addresses } = read({
    block_ips: ["192.0.2.1", "198.51.100.0/24"],
    block_ports: [23, "445"],
    block_protocols: ["ICMP"],
    allow_protocols: ["tcp", "Udp"],
  });
  deepEqual(addresses, ["192.0.2.1", "198.51.100.0/24"]);
  deepEqual(rules, [
    { name: "Imported: blocked ports", action: "block", protocol: "any", ports: [23, 445] },
    { name: "Imported: block ICMP", action: "block", protocol: "icmp" },
    { name: "Imported: allow TCP", action: "allow", protocol: "tcp" },
    { name: "Imported: allow UDP", action: "allow", protocol: "udp" },
  ]);
  deepEqual(read({ block_ips: [] }).rules, []);
});

Deno.test("import: everything that is wrong is said", () => {
  deepEqual(
    problems({ block_ips: ["x", 5], block_ports: [0, "a"], block_protocols: ["icmq"], blok: 1 }),
    [
      'line 1, block_ips[0]: "x" is not an IP address or CIDR range (names are not resolved)',
      "line 1, block_ips[1]: expected an address, not a number",
      'line 1, block_ports[0]: 0 is not a port from 1 to 65535 or a range like "8000-8100"',
      'line 1, block_ports[1]: "a" is not a port from 1 to 65535 or a range like "8000-8100"',
      'line 1, block_protocols[0]: "icmq" is not TCP, UDP or ICMP; did you mean "icmp"?',
      "line 1, blok: unknown key",
    ],
  );
  deepEqual(problems([{ ...RULE, prots: 1 }]), [
    'line 1, [0].prots: unknown key; did you mean "ports"?',
  ]);
  deepEqual(problems({ block_ips: "192.0.2.1" }), [
    "line 1, block_ips: expected a list, not text",
  ]);
});

Deno.test("import: what is there already is not added twice", () => {
  const draft: ConfigDraft = { rules: [{ name: "a", action: "block", ports: ["23-23"] }] };
  const source = read([RULE, { ...RULE, name: "b" }, { ...RULE, name: "b" }]);
  const first = applyImport(draft, source);
  deepEqual([first.rulesAdded, first.rulesAlreadyThere], [1, 2]);
  equal(applyImport(draft, source).rulesAdded, 0);
  equal(draft.rules?.length, 2);
});
