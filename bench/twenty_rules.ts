/** The 20 rules of a small server, as pfw and as ufw take them. */

interface ServiceRule {
  readonly action: "allow" | "block";
  readonly protocol: "tcp" | "udp";
  readonly ports: readonly number[];
  readonly source?: string;
}

/** Ports of what is measured; their rules come last, so every packet passes all others. */
export const SMALL_PACKETS_PORT = 9, IPERF_PORT = 5201;

const allow = (protocol: "tcp" | "udp", ...ports: number[]): ServiceRule => ({
  action: "allow",
  protocol,
  ports,
});
const block = (protocol: "tcp" | "udp", ...ports: number[]): ServiceRule => ({
  action: "block",
  protocol,
  ports,
});

/** Everything else that comes in is blocked by the default policy. */
const SERVICES: readonly ServiceRule[] = [
  block("tcp", 23),
  block("tcp", 135),
  block("tcp", 139, 445),
  block("tcp", 3389),
  block("tcp", 5900),
  block("udp", 69),
  block("udp", 161),
  allow("tcp", 22),
  allow("tcp", 80),
  allow("tcp", 443),
  allow("udp", 443),
  allow("tcp", 25, 465, 587),
  allow("tcp", 993),
  allow("udp", 53),
  allow("tcp", 53),
  allow("udp", 51820),
  { ...allow("tcp", 5432), source: "192.0.2.0/24" },
  allow("tcp", IPERF_PORT),
  allow("udp", SMALL_PACKETS_PORT),
];

/** For pfw's configuration. What this machine opens itself is the twentieth rule. */
export function rulesForPfw(): Record<string, unknown>[] {
  return [
    { name: "What this machine opens", action: "allow", direction: "out" },
    ...SERVICES.map(({ action, protocol, ports, source }) => ({
      name: `${action} ${protocol} ${ports.join(" ")}`,
      action,
      protocol,
      ports,
      source_ips: source === undefined ? [] : [source],
      direction: "in",
    })),
  ];
}

/** Command lines that give ufw the same. */
export function commandsForUfw(): string[] {
  return [
    "ufw default deny incoming",
    "ufw default allow outgoing",
    ...SERVICES.map(({ action, protocol, ports, source }) =>
      `ufw ${action === "allow" ? "allow" : "deny"} proto ${protocol} from ${source ?? "any"} ` +
      `to any port ${ports.join(",")}`
    ),
  ];
}
