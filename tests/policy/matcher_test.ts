import assert from "node:assert/strict";
import { TcpFlag } from "../../engine/packet/packet.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { Matcher } from "../../engine/policy/matcher.ts";
import { EMPTY_POLICY, type Policy, type PolicyRule } from "../../engine/policy/policy.ts";
import { isBlocked, reasonOf, REASONS, ruleOf } from "../../engine/policy/verdict.ts";
import { type PacketFields, packetOf } from "./packets.ts";

const { ack: ACK, fin: FIN, syn: SYN } = TcpFlag;

function rule(fields: Partial<PolicyRule>, at = 0): PolicyRule {
  return {
    number: at + 1,
    id: `0000000${at}`,
    name: `rule ${at}`,
    action: "block",
    protocol: "any",
    ports: [],
    sources: PrefixList.EMPTY,
    destinations: PrefixList.EMPTY,
    direction: "both",
    ...fields,
  };
}

/** `block rule 0`, `allow default_policy`: the verdict in words. */
function verdictOf(matcher: Matcher, fields: PacketFields = {}): string {
  const { packet, view } = packetOf(fields);
  const verdict = matcher.decide(packet, view);
  const reason = REASONS[reasonOf(verdict)];
  const number = reason === "rule" ? ` ${ruleOf(verdict)}` : "";
  return `${isBlocked(verdict) ? "block" : "allow"} ${reason}${number}`;
}

function matcherOf(policy: Partial<Policy>): Matcher {
  return new Matcher({ ...EMPTY_POLICY, ...policy }, { flows: 1024 });
}

const list = (...texts: string[]) => PrefixList.parse(texts);

Deno.test("the order of the policy: each step wins over the ones after it", () => {
  const all = list("192.0.2.0/24");
  const rules = [rule({})];
  const steps: [Partial<Policy>, string][] = [
    [{ whitelist: all, blacklist: all, bans: all, threats: all, rules }, "allow whitelist"],
    [{ blacklist: all, bans: all, threats: all, rules }, "block blacklist"],
    [{ bans: all, threats: all, rules }, "block ban"],
    [{ threats: all, rules }, "block threat"],
    [{ rules }, "block rule 0"],
    [{ defaultAction: "block" }, "block default_policy"],
    [{}, "allow default_policy"],
  ];
  for (const [policy, expected] of steps) assert.equal(verdictOf(matcherOf(policy)), expected);
});

Deno.test("invalid state comes before rate limit and rules, for what comes in", () => {
  const matcher = matcherOf({ rules: [rule({})] });
  assert.equal(verdictOf(matcher, { flags: FIN | ACK }), "block invalid");
  assert.equal(verdictOf(matcher, { flags: SYN | FIN }), "block invalid");
  assert.equal(verdictOf(matcher, { protocol: "icmp", icmpType: 0 }), "block invalid");
  const outgoing = { flags: FIN | ACK, direction: "outgoing" } as const;
  assert.equal(verdictOf(matcher, outgoing), "block rule 0");
});

Deno.test("the first rule that matches decides", () => {
  const matcher = matcherOf({
    rules: [
      rule({ protocol: "tcp", ports: [{ first: 80, last: 90 }], action: "allow" }, 0),
      rule({ protocol: "tcp" }, 1),
      rule({ protocol: "icmp" }, 2),
      rule({ destinations: list("198.51.100.7") }, 3),
    ],
  });
  assert.equal(verdictOf(matcher, { port: 85 }), "allow rule 0");
  assert.equal(verdictOf(matcher, { port: 91 }), "block rule 1");
  assert.equal(verdictOf(matcher, { protocol: "icmp" }), "block rule 2");
  assert.equal(verdictOf(matcher, { protocol: "udp", to: "198.51.100.7" }), "block rule 3");
  assert.equal(verdictOf(matcher, { protocol: "udp" }), "allow default_policy");
  assert.equal(verdictOf(matcher, { protocol: 47 }), "allow default_policy");
});

Deno.test("a rule speaks of who opened the connection", () => {
  const matcher = matcherOf({ rules: [rule({ direction: "in", protocol: "udp" })] });
  const query = { protocol: "udp", port: 53, direction: "outgoing" } as const;
  assert.equal(verdictOf(matcher, query), "allow default_policy");
  const reply = {
    protocol: "udp",
    from: "198.51.100.1",
    to: "192.0.2.1",
    sourcePort: 53,
    port: 40_000,
  } as const;
  assert.equal(verdictOf(matcher, reply), "allow default_policy");
  assert.equal(verdictOf(matcher, { ...reply, port: 40_001 }), "block rule 0");
});

Deno.test("with default block, replies to what was allowed pass", () => {
  const rules = [rule({ action: "allow", direction: "out" })];
  const matcher = matcherOf({ defaultAction: "block", rules });
  assert.equal(verdictOf(matcher, { direction: "outgoing" }), "allow rule 0");
  const reply = { from: "198.51.100.1", to: "192.0.2.1", sourcePort: 80, port: 40_000 };
  assert.equal(verdictOf(matcher, { ...reply, flags: SYN | ACK }), "allow rule 0");
  assert.equal(verdictOf(matcher, { ...reply, flags: SYN, port: 40_001 }), "block default_policy");
});

Deno.test("a new policy judges running connections again", () => {
  const matcher = matcherOf({});
  assert.equal(verdictOf(matcher, { flags: ACK }), "allow default_policy");
  matcher.replacePolicy({ ...EMPTY_POLICY, rules: [rule({ direction: "in" })] });
  assert.equal(verdictOf(matcher, { flags: ACK }), "block rule 0");
});

Deno.test("an ICMP error shares the fate of the connection it quotes", () => {
  const matcher = matcherOf({ rules: [rule({ protocol: "icmp", direction: "in" })] });
  const opened = { direction: "outgoing", protocol: "udp", port: 33_434 } as const;
  verdictOf(matcher, opened);
  const error = { from: "203.0.113.9", to: "192.0.2.1", protocol: "icmp", icmpType: 11 } as const;
  assert.equal(verdictOf(matcher, { ...error, quotes: opened }), "allow default_policy");
  const unknown = { ...error, quotes: { ...opened, port: 33_435 } };
  assert.equal(verdictOf(matcher, unknown), "block invalid");
});

Deno.test("the rate limit counts new connections of others, not our own and no replies", () => {
  const matcher = matcherOf({ rateLimit: { connections: 3, seconds: 10 } });
  const verdicts = [1, 2, 3, 4].map((sourcePort) => verdictOf(matcher, { sourcePort }));
  assert.deepEqual(verdicts, [...Array(3).fill("allow default_policy"), "block rate_limit"]);
  const own = [1, 2, 3, 4, 5].map((sourcePort) =>
    verdictOf(matcher, { from: "192.0.2.9", sourcePort, direction: "outgoing" })
  );
  assert.deepEqual(own, Array(5).fill("allow default_policy"));
});

Deno.test("forwarded packets are judged by both ends", () => {
  const matcher = matcherOf({ blacklist: list("198.51.100.1"), whitelist: list("203.0.113.1") });
  const forwarded = { direction: "forwarded" } as const;
  assert.equal(verdictOf(matcher, forwarded), "block blacklist");
  assert.equal(verdictOf(matcher, { ...forwarded, from: "203.0.113.1" }), "allow whitelist");
  assert.equal(verdictOf(matcher, { direction: "incoming" }), "allow default_policy");
});

Deno.test("loopback and what is not IP always pass", () => {
  const matcher = matcherOf({ defaultAction: "block", blacklist: list("0.0.0.0/0") });
  assert.equal(verdictOf(matcher, { direction: "local" }), "allow whitelist");
});
