/** Configurations and the probes that show whether they are enforced. */
import type { Expected } from "./probes.ts";

/** One configuration and what becomes of packets under it. */
export interface Scene extends Expected {
  readonly name: string;
  readonly config: Record<string, unknown>;
}

/** A rule of the configuration. */
function rule(change: Record<string, unknown>): Record<string, unknown> {
  return { name: "test", action: "block", ...change };
}

/** Ports, protocols, addresses, ranges, lists and defaults; both families, both directions. */
export const SCENES: readonly Scene[] = [
  {
    name: "nothing is blocked",
    config: {},
    passes: [
      "in tcp 2001 10.9.0.2",
      "out udp 2001 fd09::2",
      "in icmp fd09::2",
      "out icmp 10.9.0.2",
    ],
    blocked: [],
  },
  {
    name: "a TCP port, inwards",
    config: { rules: [rule({ protocol: "tcp", ports: [2001], direction: "in" })] },
    passes: [
      "in tcp 2002 10.9.0.2",
      "in udp 2001 10.9.0.2",
      "out tcp 2001 10.9.0.2",
      "out tcp 2001 fd09::2",
      "in icmp 10.9.0.2",
    ],
    blocked: ["in tcp 2001 10.9.0.2", "in tcp 2001 10.9.0.130", "in tcp 2001 fd09::2"],
  },
  {
    name: "a UDP port and a range, outwards",
    config: { rules: [rule({ protocol: "udp", ports: [2001, "2003-2100"], direction: "out" })] },
    passes: ["out udp 2002 10.9.0.2", "out tcp 2001 10.9.0.2", "in udp 2001 10.9.0.2"],
    blocked: [
      "out udp 2001 10.9.0.2",
      "out udp 2003 fd09::2",
      "out udp 2004 10.9.0.3",
      "out udp 2001 fd09::2",
    ],
  },
  {
    name: "a port of any protocol, both directions",
    config: { rules: [rule({ protocol: "any", ports: [2001] })] },
    passes: ["in tcp 2002 10.9.0.2", "out udp 2002 fd09::2", "in icmp 10.9.0.2"],
    blocked: [
      "in tcp 2001 10.9.0.2",
      "in udp 2001 fd09::2",
      "out tcp 2001 fd09::2",
      "out udp 2001 10.9.0.2",
    ],
  },
  {
    name: "pings, inwards",
    config: { rules: [rule({ protocol: "icmp", direction: "in" })] },
    passes: [
      "out icmp 10.9.0.2",
      "out icmp fd09::2",
      "in tcp 2001 fd09::2",
      "out udp 2001 fd09::3",
    ],
    blocked: ["in icmp 10.9.0.2", "in icmp fd09::2", "in icmp fd09::1:2"],
  },
  {
    name: "pings, outwards",
    config: { rules: [rule({ protocol: "icmp", direction: "out" })] },
    passes: ["in icmp 10.9.0.2", "in icmp fd09::2", "out tcp 2001 fd09::2"],
    blocked: ["out icmp 10.9.0.130", "out icmp fd09::2"],
  },
  {
    name: "single source addresses",
    config: { rules: [rule({ source_ips: ["10.9.0.3", "fd09::3"], direction: "in" })] },
    passes: ["in tcp 2001 10.9.0.2", "in icmp fd09::2", "out tcp 2001 10.9.0.3"],
    blocked: ["in tcp 2001 10.9.0.3", "in udp 2001 fd09::3", "in icmp 10.9.0.3"],
  },
  {
    name: "source ranges of one rule",
    config: {
      rules: [rule({ protocol: "tcp", source_ips: ["10.9.0.128/25", "fd09::1:0/112"] })],
    },
    passes: ["in tcp 2001 10.9.0.2", "in udp 2001 10.9.0.130", "in tcp 2001 fd09::2"],
    blocked: ["in tcp 2001 10.9.0.130", "in tcp 2004 fd09::1:2"],
  },
  {
    name: "destination ranges, outwards",
    config: {
      rules: [rule({ destination_ips: ["10.9.0.128/25", "fd09::3"], direction: "out" })],
    },
    passes: ["out tcp 2001 10.9.0.2", "in tcp 2001 10.9.0.130", "out icmp fd09::2"],
    blocked: ["out tcp 2001 10.9.0.130", "out icmp 10.9.0.130", "out udp 2002 fd09::3"],
  },
  {
    name: "the first rule that matches decides",
    config: {
      rules: [
        rule({ action: "allow", protocol: "tcp", ports: [2002], source_ips: ["10.9.0.0/24"] }),
        rule({ source_ips: ["10.9.0.0/25", "fd09::/64"], direction: "in" }),
        rule({ action: "allow", source_ips: ["10.9.0.3"] }),
        rule({ protocol: "udp", direction: "in", enabled: false }),
      ],
    },
    passes: ["in tcp 2002 10.9.0.3", "in udp 2001 10.9.0.130"],
    blocked: ["in tcp 2001 10.9.0.3", "in udp 2002 10.9.0.2", "in tcp 2002 fd09::2"],
  },
  {
    name: "a blacklist of addresses and ranges, both directions",
    config: { blacklist_ips: ["10.9.0.3", "10.9.0.128/25", "fd09::1:0/112"] },
    passes: ["in tcp 2001 10.9.0.2", "out icmp fd09::2", "out udp 2001 fd09::3"],
    blocked: [
      "in tcp 2001 10.9.0.3",
      "out tcp 2001 10.9.0.3",
      "in icmp 10.9.0.130",
      "out udp 2001 10.9.0.130",
      "in udp 2001 fd09::1:2",
      "out icmp fd09::1:2",
    ],
  },
  {
    name: "the whitelist beats blacklist, rules and default policy",
    config: {
      whitelist_ips: ["10.9.0.2", "fd09::1:0/112"],
      blacklist_ips: ["10.9.0.0/24", "fd09::1:2"],
      rules: [rule({ protocol: "tcp" })],
      default_policy: "block",
    },
    passes: [
      "in tcp 2001 10.9.0.2",
      "out tcp 2001 10.9.0.2",
      "in icmp fd09::1:2",
      "out udp 2001 fd09::1:2",
    ],
    blocked: ["in tcp 2001 10.9.0.3", "out icmp 10.9.0.130", "in udp 2001 fd09::2"],
  },
  {
    name: "default policy block: what is allowed passes with its answers, both ways",
    config: {
      default_policy: "block",
      rules: [
        rule({ action: "allow", direction: "out", protocol: "tcp" }),
        rule({ action: "allow", direction: "out", protocol: "icmp" }),
        rule({ action: "allow", direction: "in", protocol: "udp", ports: [2001] }),
      ],
    },
    passes: [
      "out tcp 2001 10.9.0.2",
      "out tcp 2002 fd09::2",
      "out icmp 10.9.0.2",
      "out icmp fd09::3",
      "in udp 2001 10.9.0.2",
      "in udp 2001 fd09::2",
    ],
    blocked: [
      "in tcp 2001 10.9.0.2",
      "in icmp 10.9.0.3",
      "in icmp fd09::2",
      "in udp 2002 10.9.0.2",
      "out udp 2001 fd09::2",
    ],
  },
  {
    name: "default policy block alone",
    config: { default_policy: "block" },
    passes: [],
    blocked: [
      "in tcp 2001 10.9.0.2",
      "out tcp 2001 fd09::2",
      "in icmp fd09::2",
      "out icmp 10.9.0.2",
    ],
  },
];
