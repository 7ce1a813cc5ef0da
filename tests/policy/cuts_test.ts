/** Which policies cut which lifelines. */
import { deepEqual } from "node:assert/strict";
import { parseSingle } from "../../engine/net/address.ts";
import type { Lifelines } from "../../engine/net/lifelines.ts";
import { buildPolicy } from "../../engine/policy/build_policy.ts";
import { findCuts, newCuts } from "../../engine/policy/cuts.ts";
import { type ConfigDraft, configSchema, type RuleDraft } from "../../engine/policy/schema.ts";

const address = (text: string) => parseSingle(text)!;
const LIFELINES: Lifelines = {
  sessions: [
    { peer: address("203.0.113.7"), peerPort: 50_000, local: address("192.0.2.9"), localPort: 22 },
    {
      peer: address("2001:db8::7"),
      peerPort: 50_001,
      local: address("2001:db8::9"),
      localPort: 22,
    },
    { peer: address("127.0.0.1"), peerPort: 50_002, local: address("127.0.0.1"), localPort: 22 },
  ],
  gateways: [address("192.0.2.1"), address("fe80::1")],
  resolvers: [address("9.9.9.9")],
  own: [address("192.0.2.9"), address("2001:db8::9")],
};

function cutsOf(draft: ConfigDraft): string[] {
  return findCuts(buildPolicy(configSchema.parse(draft)), LIFELINES)
    .map(({ lifeline, by }) => `${lifeline} by ${by}`);
}

const rule = (change: Partial<RuleDraft>): RuleDraft => ({ name: "x", action: "block", ...change });
const SESSION4 = "the SSH session from 203.0.113.7", SESSION6 = "the SSH session from 2001:db8::7";
const GATEWAY4 = "the default gateway 192.0.2.1", GATEWAY6 = "the default gateway fe80::1";
const DNS = "the DNS server 9.9.9.9";

interface Case {
  readonly name: string;
  readonly draft: ConfigDraft;
  readonly cuts: string[];
}

const CASES: Case[] = [
  { name: "nothing", draft: {}, cuts: [] },
  {
    name: "the usual rules",
    draft: {
      rules: [
        rule({ protocol: "tcp", ports: [23, 445], direction: "in" }),
        rule({ protocol: "icmp" }),
        rule({ protocol: "udp", direction: "in" }),
        rule({ protocol: "tcp", ports: [22], direction: "out" }),
        rule({ protocol: "tcp", ports: [22], source_ips: ["198.51.100.0/24"] }),
      ],
    },
    cuts: [],
  },
  {
    name: "port 22",
    draft: { rules: [rule({ protocol: "tcp", ports: [22], direction: "in" })] },
    cuts: [`${SESSION4} by rule 1 "x"`, `${SESSION6} by rule 1 "x"`],
  },
  {
    name: "port 22, but for the peer",
    draft: {
      rules: [
        rule({ action: "allow", protocol: "tcp", ports: [22], source_ips: ["203.0.113.0/24"] }),
        rule({ protocol: "tcp", ports: [22], destination_ips: ["192.0.2.9", "2001:db8::/64"] }),
      ],
    },
    cuts: [`${SESSION6} by rule 2 "x"`],
  },
  {
    name: "a blacklisted peer, and one that the whitelist saves",
    draft: {
      blacklist_ips: ["203.0.113.0/24", "2001:db8::/32"],
      whitelist_ips: ["2001:db8::7"],
    },
    cuts: [`${SESSION4} by the blacklist`],
  },
  {
    name: "DNS",
    draft: { rules: [rule({ protocol: "udp", ports: [53] })] },
    cuts: [`${DNS} by rule 1 "x"`],
  },
  {
    name: "DNS for others only",
    draft: { rules: [rule({ protocol: "udp", ports: [53], direction: "in" })] },
    cuts: [],
  },
  {
    name: "a gateway",
    draft: { blacklist_ips: ["192.0.2.0/30", "fe80::/10"] },
    cuts: [`${GATEWAY4} by the blacklist`, `${GATEWAY6} by the blacklist`],
  },
  {
    name: "all that goes out over UDP: the gateway is still reached",
    draft: { rules: [rule({ protocol: "udp", direction: "out" })] },
    cuts: [`${DNS} by rule 1 "x"`],
  },
  {
    name: "everything",
    draft: { default_policy: "block" },
    cuts: [SESSION4, SESSION6, GATEWAY4, GATEWAY6, DNS].map((one) =>
      `${one} by the default policy "block"`
    ),
  },
  {
    name: "everything but what is asked for",
    draft: {
      default_policy: "block",
      rules: [
        rule({ action: "allow", protocol: "tcp", ports: [22], direction: "in" }),
        rule({ action: "allow", direction: "out" }),
      ],
    },
    cuts: [],
  },
  {
    name: "a rate limit of one",
    draft: { rate_limit: { enabled: true, connections: 1, seconds: 86_400 } },
    cuts: [],
  },
];

for (const { name, draft, cuts } of CASES) {
  Deno.test(`cuts: ${name}`, () => deepEqual(cutsOf(draft), cuts));
}

Deno.test("cuts: where our end is known, no other address of ours will do", () => {
  const own = [...LIFELINES.own, address("172.17.0.1")];
  const draft = { rules: [rule({ source_ips: ["192.0.2.0/24"] })] };
  const cut = (lifelines: Partial<Lifelines>) =>
    findCuts(buildPolicy(configSchema.parse(draft)), { ...LIFELINES, own, ...lifelines })
      .map(({ lifeline }) => lifeline);
  deepEqual(cut({}), []);
  const ends = [
    { peer: address("192.0.2.1"), local: address("192.0.2.9") },
    { peer: address("9.9.9.9"), local: address("172.17.0.1") },
  ];
  deepEqual(cut({ ends }), [GATEWAY4]);
});

Deno.test("cuts: only what was not cut before counts", () => {
  const before = [{ lifeline: DNS, by: "the blacklist" }];
  const after = [{ lifeline: DNS, by: 'rule 1 "x"' }, { lifeline: GATEWAY4, by: 'rule 1 "x"' }];
  deepEqual(newCuts(after, before), [after[1]]);
});
