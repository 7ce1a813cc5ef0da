/** Installs what the build, the tests or the benchmarks lack, or says how to get it. */
import {
  findProgram,
  installCommands,
  installHint,
  type Need,
  thisDistribution,
} from "../engine/packages.ts";
import { pcapVersion } from "../ffi/pcap.ts";
import { BuildError, collect, lastLines, say } from "./run.ts";

/** What pfw itself runs on. */
export const RUN_NEEDS: readonly Need[] = ["libpcap", "iptables", "ipset"];

/** What the tests use besides. */
export const TEST_NEEDS: readonly Need[] = [
  ...RUN_NEEDS,
  "ip",
  "tcpdump",
  "tshark",
  "tcpreplay",
  "scapy",
  "hping3",
  "nft",
  "nmap",
  "nc",
  "sqlite3",
  "ps",
  "ping",
  "unshare",
  "shellcheck",
  "man",
  "zsh",
  "fish",
  "chromium",
];

/**
 * What the benchmarks use besides: they hold pfw against C programs and against `ufw status`. The
 * other firewalls are not here: `bench/peers.ts` unpacks these and installs none.
 */
export const BENCH_NEEDS: readonly Need[] = [
  ...TEST_NEEDS,
  "iperf3",
  "cc",
  "libpcap headers",
  "ufw",
];

/** The programs that show that a need is met, where they are not named like the need. */
const PROGRAMS: Partial<Record<Need, readonly string[]>> = {
  iptables: ["iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save"],
  tshark: ["tshark", "capinfos"],
  sqlite3: ["sqlite3"],
};

/** The needs that this machine does not meet. */
export async function missing(needs: readonly Need[]): Promise<Need[]> {
  const found = await Promise.all(needs.map(isMet));
  return needs.filter((_, at) => !found[at]);
}

async function isMet(need: Need): Promise<boolean> {
  switch (need) {
    case "libpcap":
      try {
        return pcapVersion() !== "";
      } catch {
        return false;
      }
    case "libpcap headers":
      return exists("/usr/include/pcap/pcap.h");
    case "scapy":
      // The distribution's Python, since another one on PATH does not see its packages.
      return (await collect(["/usr/bin/python3", "-c", "import scapy"])).code === 0;
    default:
      return (PROGRAMS[need] ?? [need]).every((program) => findProgram(program));
  }
}

/** Whether something lies at a path. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Installs what is missing as root, or says how to; returns what is still missing. */
export async function ensure(needs: readonly Need[]): Promise<Need[]> {
  const lacking = await missing(needs);
  if (lacking.length === 0) return [];
  say(`missing on this machine: ${lacking.join(", ")}`);
  const distribution = thisDistribution();
  if (!distribution || Deno.uid() !== 0) {
    say(`to get them, as root: ${installHint(lacking, distribution)}`);
    return lacking;
  }
  for (const command of installCommands(distribution, lacking)) {
    say(`running ${command.join(" ")}`);
    const { code, text } = await collect(command, {
      env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
      timeout: 15 * 60_000,
    });
    if (code !== 0) say(`${command[0]} failed: ${lastLines(text, 3)}`);
  }
  const still = await missing(lacking);
  say(still.length ? `still missing: ${still.join(", ")}` : `installed ${lacking.join(", ")}`);
  return still;
}

/** Fetches the npm packages that the lock file names, and no others. */
export async function installDependencies(): Promise<void> {
  const { code, text } = await collect([Deno.execPath(), "install", "--frozen", "--quiet"], {
    env: { NO_COLOR: "1" },
    timeout: 10 * 60_000,
  });
  if (code !== 0) throw new BuildError(`cannot fetch npm packages: ${lastLines(text, 4)}`);
}
