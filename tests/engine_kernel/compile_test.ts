import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { compilePlan } from "../../engine/kernel/compile.ts";
import { chunkPorts } from "../../engine/kernel/compile_rules.ts";
import { chainVerdict, dropChain } from "../../engine/kernel/names.ts";
import { entryCount, entryTexts } from "../../engine/kernel/plan.ts";
import { compileRate } from "../../engine/kernel/rate.ts";
import { renderChainRules } from "../../engine/kernel/render_iptables.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { REASONS } from "../../engine/policy/verdict.ts";
import { policy, ports, rule } from "../support/policies.ts";

/** The kernel rules that a policy's only rule becomes, by chain. */
function ruleLines(wanted: Policy, family: 4 | 6): string[] {
  const [plan] = compilePlan(wanted, { nflogGroup: 1, families: [family] }).families;
  return plan.filter.mains.flatMap(renderChainRules).filter((line) =>
    /(-D-|-A-)[0-9a-f]{8}$/.test(line)
  )
    .map((line) => line.replace(/ -[jg] PFW-[DA]-[0-9a-f]{8}$/, ""));
}

Deno.test("a rule stands where its direction says", () => {
  const chains = (direction: "in" | "out" | "both") =>
    ruleLines(policy({ rules: [rule({ direction })] }), 4);
  deepEqual(chains("in"), ["-A PFW-IN-RULES", "-A PFW-FWD-RULES"]);
  deepEqual(chains("out"), ["-A PFW-OUT-RULES"]);
  deepEqual(chains("both"), ["-A PFW-IN-RULES", "-A PFW-OUT-RULES", "-A PFW-FWD-RULES"]);
});

Deno.test("ports are those of the packet here, and the original ones where it is forwarded", () => {
  const lines = ruleLines(
    policy({ rules: [rule({ ports: ports(1, [5, 9]), direction: "in" })] }),
    4,
  );
  deepEqual(lines, [
    "-A PFW-IN-RULES -p tcp -m multiport --dports 1,5:9",
    "-A PFW-IN-RULES -p udp -m multiport --dports 1,5:9",
    "-A PFW-FWD-TCP -p tcp -m conntrack --ctorigdstport 1",
    "-A PFW-FWD-TCP -p tcp -m conntrack --ctorigdstport 5:9",
    "-A PFW-FWD-UDP -p udp -m conntrack --ctorigdstport 1",
    "-A PFW-FWD-UDP -p udp -m conntrack --ctorigdstport 5:9",
  ]);
});

Deno.test("no packet is asked about a loopback address on the whitelist", () => {
  const asked = (whitelist: string[]) => {
    const { families } = compilePlan(
      policy({ whitelist, threats: ["198.51.100.1", "2001:db8::1"] }),
      {
        nflogGroup: 1,
      },
    );
    const lines = families.flatMap(({ raw, filter }) =>
      [...raw.mains, ...filter.mains].flatMap(renderChainRules)
    );
    return lines.filter((line) => / -[sd] |white/.test(line)).length;
  };
  equal(asked(["127.0.0.1", "127.3.0.0/16", "::1"]), 0);
  // Before the list in `raw`, and in `filter` both ways and where packets are forwarded.
  equal(asked(["127.0.0.1", "192.0.2.7"]), 2 + 2 + 2);
  equal(asked(["0.0.0.0/0", "::/0"]), 2 * (2 + 2 + 2));
  equal(asked(["126.0.0.0/7"]), 2 + 2 + 2);
});

Deno.test("every port is no condition on ports", () => {
  const every = rule({ protocol: "tcp", ports: ports([0, 65535]), direction: "out" });
  deepEqual(ruleLines(policy({ rules: [every] }), 4), ["-A PFW-OUT-RULES -p tcp"]);
});

Deno.test("a rule that names addresses exists only for their families", () => {
  const only4 = policy({ rules: [rule({ sources: ["192.0.2.1"], direction: "out" })] });
  deepEqual(ruleLines(only4, 4), ["-A PFW-OUT-RULES -s 192.0.2.1"]);
  deepEqual(ruleLines(only4, 6), []);
  const mixed = policy({
    rules: [rule({ sources: ["192.0.2.1"], destinations: ["2001:db8::1"], direction: "out" })],
  });
  deepEqual([...ruleLines(mixed, 4), ...ruleLines(mixed, 6)], []);
  const everything = policy({ rules: [rule({ sources: ["::/0"], direction: "out" })] });
  deepEqual(ruleLines(everything, 6), ["-A PFW-OUT-RULES"]);
});

Deno.test("rules with the same addresses share a set, others do not", () => {
  const names = (...lists: string[][]) => {
    const rules = lists.map((sources, at) => rule({ sources, ports: ports(at) }));
    const [plan] = compilePlan(policy({ rules }), { nflogGroup: 1, families: [4] }).families;
    return plan.sets.map(({ name }) => name).filter((name) => name.startsWith("pfw-r"));
  };
  const [first, ...others] = names(["192.0.2.1", "192.0.2.3"], ["192.0.2.3", "192.0.2.1"]);
  deepEqual(others, []);
  ok(/^pfw-r[0-9a-f]{8}4$/.test(first));
  equal(new Set(names(["192.0.2.1", "192.0.2.3"], ["192.0.2.1", "192.0.2.4"])).size, 2);
  deepEqual(names(["192.0.2.1", "192.0.2.3"], ["192.0.2.1", "192.0.2.4"])[0], first);
});

Deno.test("a set takes the whole Internet as two halves", () => {
  const [four, six] = compilePlan(policy({ blacklist: ["0.0.0.0/0", "::/0"] }), { nflogGroup: 1 })
    .families.map(({ sets }) => sets.find(({ name }) => name.startsWith("pfw-black"))!);
  deepEqual([...entryTexts(four)], ["0.0.0.0/1", "128.0.0.0/1"]);
  deepEqual([...entryTexts(six)], ["::/1", "8000::/1"]);
  equal(entryCount(four), 2);
});

Deno.test("a rule's id can bring nothing else into a restore file", () => {
  for (const id of ["", "1234567", "1234567G", "0123abcd\n-F", "blacklist"]) {
    const bad = policy({ rules: [{ ...rule(), id }] });
    throws(() => compilePlan(bad, { nflogGroup: 1 }), PfwError);
  }
});

Deno.test("chain names fit the kernel and say what they count", () => {
  for (const reason of REASONS) {
    const name = dropChain(reason, undefined);
    ok(name.length <= 28, name);
    deepEqual(chainVerdict(name), { action: "block", reason, ruleId: undefined });
  }
  const id = "0123abcd";
  deepEqual(chainVerdict(dropChain("rule", id)), { action: "block", reason: "rule", ruleId: id });
  equal(chainVerdict("PFW-IN"), undefined);
  equal(chainVerdict("PFW-D-elephant"), undefined);
});

Deno.test("multiport gets at most 15 slots, all ports in order", () => {
  const range = fc.tuple(fc.nat(65535), fc.nat(65535)).map(([a, b]) => ({
    first: Math.min(a, b),
    last: Math.max(a, b),
  }));
  fc.assert(fc.property(fc.array(range, { maxLength: 80 }), (ranges) => {
    const chunks = chunkPorts(ranges);
    deepEqual(chunks.flat(), ranges);
    for (const chunk of chunks) {
      const slots = chunk.reduce((sum, { first, last }) => sum + (first === last ? 1 : 2), 0);
      ok(chunk.length > 0 && slots <= 15);
    }
  }));
});

Deno.test("rates are exact where a unit holds them", () => {
  const rate = (connections: number, seconds: number) => {
    const { amount, unit, burst, expire } = compileRate({ connections, seconds }, 4);
    return `${amount}/${unit} burst ${burst} expire ${expire}`;
  };
  equal(rate(100, 10), "10/sec burst 100 expire 10000");
  equal(rate(5, 60), "5/min burst 5 expire 60000");
  equal(rate(7, 30), "14/min burst 7 expire 30000");
  equal(rate(1, 1000), "86/day burst 1 expire 1000000");
  equal(rate(5, 7200), "60/day burst 5 expire 7200000");
  equal(rate(1, 0.5), "2/sec burst 1 expire 500");
  equal(compileRate({ connections: 1, seconds: 1 }, 6).sourceMask, 64);
  for (const [connections, seconds] of [[0, 1], [1, 0], [1, 86_401], [1_000_001, 1], [NaN, 1]]) {
    throws(
      () => compileRate({ connections, seconds }, 4),
      (error) => error instanceof PfwError && error.exitCode === ExitCode.usage,
    );
  }
});

Deno.test("different limits never share a table of the kernel", () => {
  const limit = fc.record({
    connections: fc.integer({ min: 1, max: 1_000_000 }),
    seconds: fc.integer({ min: 1, max: 86_400 }),
  });
  fc.assert(fc.property(limit, limit, (a, b) => {
    const same = a.connections === b.connections && a.seconds === b.seconds;
    equal(compileRate(a, 4).table === compileRate(b, 4).table, same);
    ok(compileRate(a, 4).table !== compileRate(a, 6).table);
  }));
});
