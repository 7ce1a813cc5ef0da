/** The programs that benchmarks compare with or work by. */

/** A program, and what of its words is the version: the first thing that looks like one. */
interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  readonly pattern?: RegExp;
}

/** The distribution's Python: another one on PATH does not see its packages. */
export const PYTHON = "/usr/bin/python3";

const ANY_VERSION = /\d+\.\d+[\w.~+-]*/;

const PROGRAMS: readonly Program[] = [
  { name: "iptables", argv: ["iptables", "--version"], pattern: /\d+\.\d+\S* \(\w+\)/ },
  { name: "ipset", argv: ["ipset", "--version"] },
  { name: "libpcap", argv: ["tcpdump", "--version"], pattern: /(?<=libpcap version )\S+/ },
  { name: "tcpdump", argv: ["tcpdump", "--version"] },
  { name: "tcpreplay", argv: ["tcpreplay", "--version"] },
  { name: "tshark", argv: ["tshark", "--version"] },
  {
    name: "scapy",
    argv: [PYTHON, "-c", "import importlib.metadata as m; print(m.version('scapy'))"],
  },
  { name: "ufw", argv: ["ufw", "--version"] },
  { name: "fail2ban", argv: ["fail2ban-client", "--version"] },
  { name: "CrowdSec's firewall bouncer", argv: ["crowdsec-firewall-bouncer", "-V"] },
  { name: "gcc", argv: ["gcc", "-dumpfullversion"] },
];

/** What is said of a program that is not there. */
export const NOT_INSTALLED = "not installed";

/** What each of them says of itself on this machine, by name. */
export function programVersions(programs = PROGRAMS): Record<string, string> {
  return Object.fromEntries(programs.map((one) => [one.name, versionOf(one)]));
}

function versionOf({ argv: [program, ...args], pattern = ANY_VERSION }: Program): string {
  try {
    const { success, stdout, stderr } = new Deno.Command(program, { args, stdin: "null" })
      .outputSync();
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
    return success ? pattern.exec(text)?.[0] ?? "unknown" : NOT_INSTALLED;
  } catch {
    return NOT_INSTALLED;
  }
}
