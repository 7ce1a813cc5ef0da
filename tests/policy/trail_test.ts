/** What `explain` says is what the matcher does. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { formatPrefix, parsePrefix, parseSingle, type Prefix } from "../../engine/net/address.ts";
import { LocalAddresses } from "../../engine/net/local_addresses.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { setDirection } from "../../engine/packet/direction.ts";
import { Direction, ParsedPacket, Protocol, TcpFlag } from "../../engine/packet/packet.ts";
import { synthesize } from "../../engine/packet/synthetic.ts";
import { buildPolicy } from "../../engine/policy/build_policy.ts";
import { Matcher } from "../../engine/policy/matcher.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { configSchema } from "../../engine/policy/schema.ts";
import { followPolicy, type Subject } from "../../engine/policy/trail.ts";
import { isBlocked, reasonOf, REASONS, ruleOf } from "../../engine/policy/verdict.ts";
import { arbitraryPolicy } from "../differential/arbitrary_policy.ts";
import { policyOf } from "../differential/scenario.ts";

const OWN = ["198.18.0.1", "2001:db8::1"].map((text) => parseSingle(text)!);
const LOCAL = new LocalAddresses();
LOCAL.update(OWN.map((one) => ({ address: formatPrefix(one) })));
const PROTOCOLS = { tcp: Protocol.tcp, udp: Protocol.udp } as const;

/** What the matcher does with the packet that opens such a connection. */
function judged(policy: Policy, subject: Subject) {
  const { address, direction, protocol = "tcp", port } = subject;
  const own = OWN.find((one) => one.family === address.family)!;
  const packet = new ParsedPacket();
  const [from, to] = direction === "in" ? [address, own] : [own, address];
  const kind = protocol === "icmp"
    ? { protocol: address.family === 4 ? Protocol.icmp : Protocol.icmpv6, icmpType: 8 }
    : { protocol: PROTOCOLS[protocol], sourcePort: 50_000, destinationPort: port };
  if (protocol === "icmp" && address.family === 6) Object.assign(kind, { icmpType: 128 });
  const view = synthesize(packet, { from, to, ...kind, tcpFlags: TcpFlag.syn });
  packet.direction = direction === "in" ? Direction.incoming : Direction.outgoing;
  setDirection(packet, LOCAL);
  packet.seconds = 1_000_000;
  const verdict = new Matcher(policy, { flows: 64 }).decide(packet, view);
  const reason = REASONS[reasonOf(verdict)];
  return {
    action: isBlocked(verdict) ? "block" : "allow",
    reason,
    rule: reason === "rule" ? policy.rules[ruleOf(verdict)].number : undefined,
  };
}

const arbitraryAddress = fc.oneof(
  fc.tuple(fc.constantFrom(0xc612, 0x6440, 0xac14, 0x5102), fc.nat(0xffff)).map(([high, low]) =>
    formatPrefix({ family: 4, words: [(high << 16) | low, 0, 0, 0], length: 32 })
  ),
  fc.nat(0xffff).map((low) => `2001:db8::${low.toString(16)}`),
  fc.constantFrom("198.18.0.1", "2001:db8::1", "127.0.0.5", "::1"),
);

const arbitrarySubject = fc.record({
  address: arbitraryAddress,
  direction: fc.constantFrom("in" as const, "out" as const),
  protocol: fc.constantFrom("tcp" as const, "udp" as const, "icmp" as const),
  port: fc.oneof(fc.constantFrom(22, 23, 53, 80, 443, 8080), fc.integer({ min: 1, max: 65535 })),
}).map(({ address, protocol, port, direction }): Subject => ({
  address: parseSingle(address)!,
  direction,
  protocol,
  ...(protocol !== "icmp" && { port }),
  own: OWN,
}));

Deno.test("trail: it comes to what the matcher does, for any policy and connection", () => {
  fc.assert(
    fc.property(
      arbitraryPolicy,
      fc.array(arbitrarySubject, { minLength: 20 }),
      (text, subjects) => {
        // How fast connections come is not part of the question.
        const policy = { ...policyOf(text), rateLimit: undefined };
        for (const subject of subjects) {
          const { action, decisive } = followPolicy(policy, subject);
          const found = { action, reason: decisive.code, rule: decisive.rule?.number };
          deepEqual(found, judged(policy, subject));
        }
      },
    ),
    { numRuns: 100 },
  );
});

function policyWith(config: object, lists: { bans?: string[]; threats?: string[] } = {}): Policy {
  return buildPolicy(configSchema.parse(config), {
    bans: PrefixList.parse(lists.bans ?? []),
    threats: PrefixList.parse(lists.threats ?? []),
  });
}

const subject = (address: string, more: Partial<Subject> = {}): Subject => ({
  address: parsePrefix(address) as Prefix,
  direction: "in",
  own: OWN,
  ...more,
});

Deno.test("trail: lists decide in their order, and the steps after are not reached", () => {
  const everywhere = { whitelist_ips: [], blacklist_ips: ["203.0.113.0/24"] };
  const policy = policyWith(everywhere, { bans: ["203.0.113.7"], threats: ["203.0.113.7"] });
  const { action, decisive, steps } = followPolicy(policy, subject("203.0.113.7"));
  equal(action, "block");
  equal(decisive.code, "blacklist");
  equal(decisive.entry, "203.0.113.0/24");
  deepEqual(steps.map(({ code, outcome }) => `${code} ${outcome}`), [
    "whitelist passes",
    "blacklist decides",
    "ban unreached",
    "threat unreached",
    "invalid unreached",
    "rate_limit unreached",
    "default_policy unreached",
  ]);
});

Deno.test("trail: a rule for one of our addresses decides where that is ours towards the other end", () => {
  const [mine, ...others] = OWN.filter(({ family }) => family === 4);
  const own = [mine, ...others, parsePrefix("172.17.0.1")!];
  const rule = { name: "lan", action: "block", source_ips: [formatPrefix(mine)] };
  const policy = policyWith({ rules: [rule] });
  const decide = (from?: Prefix) => {
    const asked = subject("203.0.113.7", { direction: "out", own, from });
    const { action, steps } = followPolicy(policy, asked);
    return [action, steps.find(({ code }) => code === "rule")!.outcome];
  };
  deepEqual(decide(), ["allow", "depends"]);
  deepEqual(decide(mine), ["block", "decides"]);
  deepEqual(decide(own.at(-1)), ["allow", "passes"]);
});

Deno.test("trail: a rule that asks for what was left open depends on it, and decides nothing", () => {
  const policy = policyWith({
    rules: [
      { name: "No telnet", action: "block", protocol: "tcp", ports: [23], direction: "in" },
      { name: "Nothing out", action: "block", direction: "out" },
      { name: "Office", action: "allow", source_ips: ["192.0.2.0/24"] },
    ],
  });
  const { action, decisive, steps } = followPolicy(policy, subject("192.0.2.7"));
  equal(action, "allow");
  equal(decisive.rule?.number, 3);
  const rules = steps.filter(({ code }) => code === "rule");
  deepEqual(rules.map(({ outcome }) => outcome), ["depends", "passes", "decides"]);
  match(rules[0].text, /blocks only tcp to port 23/);
  const exact = followPolicy(policy, subject("192.0.2.7", { protocol: "tcp", port: 23 }));
  equal(exact.decisive.rule?.number, 1);
  ok(exact.action === "block");
});
