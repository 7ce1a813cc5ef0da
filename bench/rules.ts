/** The rules of the benchmarks, for pfw's configuration and for the C program beside it. */

/** A rule as far as `decide.c` knows them; the keys are those of the configuration. */
export interface BenchRule {
  readonly name: string;
  readonly action: "allow" | "block";
  readonly protocol: "any" | "tcp" | "udp";
  readonly direction: "in" | "out" | "both";
  readonly ports: readonly number[];
  readonly source_ips: readonly string[];
}

type Line = [BenchRule["action"], BenchRule["protocol"], BenchRule["direction"], number[], string?];

/** Ordinary rules of a server, most of which match little, as it is with firewalls. */
const LINES: readonly Line[] = [
  ["block", "tcp", "in", [23, 135, 139, 445, 3389]],
  ["block", "tcp", "in", [2375, 2376, 5900, 6379]],
  ["block", "udp", "in", [69, 111, 389, 1900, 11211]],
  ["allow", "tcp", "in", [22], "11.0.0.0/8"],
  ["allow", "tcp", "in", [22], "12.0.0.0/8"],
  ["block", "tcp", "in", [22], "64.0.0.0/3"],
  ["allow", "tcp", "in", [5432], "16.0.0.0/6"],
  ["block", "tcp", "in", [5432]],
  ["block", "any", "in", [], "30.0.0.0/12"],
  ["block", "any", "in", [], "198.51.100.0/24"],
  ["allow", "udp", "both", [51820]],
  ["block", "udp", "out", [137, 138, 161]],
  ["block", "tcp", "out", [25, 465]],
  ["allow", "tcp", "in", [25, 587, 993]],
  ["block", "tcp", "in", [8080], "100.0.0.0/7"],
  ["block", "tcp", "in", [8080], "203.0.113.7"],
  ["allow", "udp", "both", [123]],
  ["block", "tcp", "both", [6667, 6697]],
  ["block", "udp", "in", [5060, 5061]],
  ["allow", "tcp", "in", [80, 443]],
];

/** The 20 rules of the replay. */
export const TWENTY_RULES: readonly BenchRule[] = LINES.map((line, at) => ruleOf(line, at));

/** So many rules, the last ones those of the replay: none of those before matches a packet. */
export function manyRules(count: number): readonly BenchRule[] {
  const idle = Array.from({ length: Math.max(0, count - LINES.length) }, (_, at) => {
    const source = `198.18.${at >> 8}.${at & 255}`;
    return ruleOf(["block", at % 2 === 0 ? "tcp" : "udp", "in", [1024 + at], source], at);
  });
  return [...idle, ...TWENTY_RULES.slice(-count)].map((rule, at) => ({
    ...rule,
    name: nameOf(at),
  }));
}

function ruleOf([action, protocol, direction, ports, source]: Line, at: number): BenchRule {
  const source_ips = source === undefined ? [] : [source];
  return { name: nameOf(at), action, protocol, direction, ports, source_ips };
}

function nameOf(at: number): string {
  return `Rule ${at + 1}`;
}

/** The rules as `decide.c` reads them. */
export function ruleLines(rules: readonly BenchRule[]): string {
  return rules.map(({ action, protocol, direction, ports, source_ips }) =>
    [action, protocol, direction, source_ips[0] ?? "-", ports.join(",") || "-"].join(" ") + "\n"
  ).join("");
}
