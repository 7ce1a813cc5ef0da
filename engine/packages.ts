/**
 * What each distribution calls the packages that pfw, its tests and its benchmarks need: one
 * table, read by error messages, by `pfw doctor` and by the build.
 */
import { accessSync, constants, readFileSync } from "node:fs";

/** The families of distributions that pfw knows, by the package names that they share. */
export type Distribution = "debian" | "fedora" | "arch" | "alpine" | "suse";

/** Something that a distribution's package provides. */
export type Need =
  | "libpcap"
  | "iptables"
  | "ipset"
  | "modprobe"
  | "ip"
  | "tcpdump"
  | "tshark"
  | "tcpreplay"
  | "scapy"
  | "hping3"
  | "nft"
  | "nmap"
  | "nc"
  | "sqlite3"
  | "ps"
  | "ping"
  | "unshare"
  | "shellcheck"
  | "man"
  | "zsh"
  | "fish"
  | "chromium"
  | "iperf3"
  | "cc"
  | "libpcap headers"
  | "ufw";

/** A package manager. */
interface Manager {
  readonly program: string;
  /** The words with which a person installs packages. */
  readonly manual: string;
  /** Fetches the lists of packages where the installation itself does not. */
  readonly refresh?: readonly string[];
  /** The words of an installation that asks nothing. */
  readonly install: readonly string[];
}

const APT: Manager = {
  program: "apt-get",
  manual: "apt install",
  refresh: ["apt-get", "update"],
  install: [
    "apt-get",
    "install",
    "--yes",
    "--no-install-recommends",
    // Seconds to wait for another apt, such as the nightly one.
    "--option=DPkg::Lock::Timeout=120",
  ],
};
const DNF: Manager = {
  program: "dnf",
  manual: "dnf install",
  install: ["dnf", "install", "--assumeyes"],
};
const YUM: Manager = {
  program: "yum",
  manual: "yum install",
  install: ["yum", "install", "--assumeyes"],
};
const PACMAN: Manager = {
  program: "pacman",
  manual: "pacman -S",
  // Not refreshed: Arch supports no partial upgrade, and a build may not upgrade the system.
  install: ["pacman", "--sync", "--needed", "--noconfirm"],
};
const APK: Manager = { program: "apk", manual: "apk add", install: ["apk", "add"] };
const ZYPPER: Manager = {
  program: "zypper",
  manual: "zypper install",
  install: ["zypper", "--non-interactive", "install"],
};

/** Package managers of each family, the preferred one first. */
const MANAGERS: Record<Distribution, readonly Manager[]> = {
  debian: [APT],
  fedora: [DNF, YUM],
  arch: [PACMAN],
  alpine: [APK],
  suse: [ZYPPER],
};

/** Columns: debian, fedora, arch, alpine, suse. A name may hold several packages. */
const NAMES: Record<Need, readonly [string, string, string, string, string]> = {
  libpcap: ["libpcap0.8", "libpcap", "libpcap", "libpcap", "libpcap1"],
  iptables: ["iptables", "iptables", "iptables", "iptables", "iptables"],
  ipset: ["ipset", "ipset", "ipset", "ipset", "ipset"],
  modprobe: ["kmod", "kmod", "kmod", "kmod", "kmod"],
  ip: ["iproute2", "iproute", "iproute2", "iproute2", "iproute2"],
  tcpdump: ["tcpdump", "tcpdump", "tcpdump", "tcpdump", "tcpdump"],
  tshark: ["tshark", "wireshark-cli", "wireshark-cli", "tshark", "wireshark"],
  tcpreplay: ["tcpreplay", "tcpreplay", "tcpreplay", "tcpreplay", "tcpreplay"],
  scapy: ["python3-scapy", "python3-scapy", "scapy", "scapy", "python3-scapy"],
  hping3: ["hping3", "hping3", "hping", "hping3", "hping3"],
  nft: ["nftables", "nftables", "nftables", "nftables", "nftables"],
  nmap: ["nmap", "nmap", "nmap", "nmap", "nmap"],
  nc: ["netcat-openbsd", "netcat", "openbsd-netcat", "netcat-openbsd", "netcat-openbsd"],
  sqlite3: ["sqlite3", "sqlite", "sqlite", "sqlite", "sqlite3"],
  ps: ["procps", "procps-ng", "procps-ng", "procps", "procps"],
  ping: ["iputils-ping", "iputils", "iputils", "iputils", "iputils"],
  unshare: ["util-linux", "util-linux", "util-linux", "util-linux-misc", "util-linux"],
  shellcheck: ["shellcheck", "ShellCheck", "shellcheck", "shellcheck", "ShellCheck"],
  man: ["man-db", "man-db", "man-db", "man-db", "man"],
  zsh: ["zsh", "zsh", "zsh", "zsh", "zsh"],
  fish: ["fish", "fish", "fish", "fish", "fish"],
  chromium: ["chromium", "chromium", "chromium", "chromium", "chromium"],
  iperf3: ["iperf3", "iperf3", "iperf3", "iperf3", "iperf"],
  cc: ["gcc libc6-dev", "gcc", "gcc", "build-base", "gcc"],
  "libpcap headers": ["libpcap-dev", "libpcap-devel", "libpcap", "libpcap-dev", "libpcap-devel"],
  ufw: ["ufw", "ufw", "ufw", "ufw", "ufw"],
};

const COLUMNS: readonly Distribution[] = ["debian", "fedora", "arch", "alpine", "suse"];

/** Names that os-release(5) gives in `ID` and `ID_LIKE`, and the family that each belongs to. */
const FAMILY_OF: Record<string, Distribution> = {
  debian: "debian",
  ubuntu: "debian",
  fedora: "fedora",
  rhel: "fedora",
  centos: "fedora",
  rocky: "fedora",
  almalinux: "fedora",
  amzn: "fedora",
  arch: "arch",
  alpine: "alpine",
  suse: "suse",
  opensuse: "suse",
  sles: "suse",
};

/**
 * The family that the text of an os-release file names, by `ID` first and then by `ID_LIKE`;
 * `undefined` where it names none that pfw knows.
 */
export function distributionOf(osRelease: string): Distribution | undefined {
  const value = (key: string) =>
    new RegExp(`^${key}=(["']?)(.*)\\1\\s*$`, "m").exec(osRelease)?.[2] ?? "";
  const names = [value("ID"), ...value("ID_LIKE").split(/\s+/)];
  return names.map((name) => FAMILY_OF[name.toLowerCase()]).find(Boolean);
}

/** The family of this machine, from `/etc/os-release` or `/usr/lib/os-release`. */
export function thisDistribution(): Distribution | undefined {
  for (const file of ["/etc/os-release", "/usr/lib/os-release"]) {
    try {
      return distributionOf(readFileSync(file, "utf8"));
    } catch {
      // The next file, or an unknown distribution.
    }
  }
  return undefined;
}

/** The packages that provide these needs there, each once. */
export function packagesFor(distribution: Distribution, needs: readonly Need[]): string[] {
  const column = COLUMNS.indexOf(distribution);
  return [...new Set(needs.flatMap((need) => NAMES[need][column].split(" ")))];
}

/** Tells which of a family's package managers is present. */
type HasProgram = (name: string) => boolean;

const isPresent: HasProgram = (name) => findProgram(name) !== undefined;

function managerOf(distribution: Distribution, hasProgram: HasProgram): Manager {
  const managers = MANAGERS[distribution];
  return managers.find((one) => hasProgram(one.program)) ?? managers[0];
}

/** The command lines that install these needs there without a question; the last one installs. */
export function installCommands(
  distribution: Distribution,
  needs: readonly Need[],
  hasProgram: HasProgram = isPresent,
): string[][] {
  const manager = managerOf(distribution, hasProgram);
  const install = [...manager.install, ...packagesFor(distribution, needs)];
  return manager.refresh ? [[...manager.refresh], install] : [install];
}

/** What to do to get these needs, e.g. `apt install iptables ipset`; for the end of an error. */
export function installHint(
  needs: readonly Need[],
  distribution: Distribution | "unknown" = thisDistribution() ?? "unknown",
  hasProgram: HasProgram = isPresent,
): string {
  if (distribution === "unknown") return `install ${needs.join(", ")} with your package manager`;
  const { manual } = managerOf(distribution, hasProgram);
  return `${manual} ${packagesFor(distribution, needs).join(" ")}`;
}

/** Where system programs lie when `PATH` does not name them, as for an ordinary Debian user. */
const SYSTEM_DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/**
 * The full path of a program on the search path or in a system directory, or `undefined`.
 * Relative entries of the path are left out: what runs as root does not come from where one stands.
 */
export function findProgram(name: string, path = Deno.env.get("PATH") ?? ""): string | undefined {
  const onPath = path.split(":").filter((one) => one.startsWith("/"));
  for (const directory of [...onPath, ...SYSTEM_DIRECTORIES]) {
    const file = `${directory}/${name}`;
    try {
      accessSync(file, constants.X_OK);
      if (Deno.statSync(file).isFile) return file;
    } catch {
      // Not here, or not to be run by this user.
    }
  }
  return undefined;
}

/** Where each thing of an installed pfw lies. All paths are absolute. */
export interface InstallPlaces {
  readonly executable: string;
  /** A second name of it, for a sudo that does not look into `/usr/local/bin`. */
  readonly link?: string;
  readonly unit: string;
  readonly bash: string;
  readonly zsh: string;
  readonly fish: string;
  readonly man: string;
}

/**
 * Places of what no package manager brought: `/usr/local` where the program that reads it looks
 * there by itself on every distribution, `/etc` where it does not (systemd, fish).
 */
const LOCAL_PLACES: InstallPlaces = {
  executable: "/usr/local/bin/pfw",
  unit: "/etc/systemd/system/personal-firewall.service",
  bash: "/usr/local/share/bash-completion/completions/pfw",
  zsh: "/usr/local/share/zsh/site-functions/_pfw",
  fish: "/etc/fish/completions/pfw.fish",
  man: "/usr/local/share/man/man8/pfw.8",
};

/** What differs. `secure_path` of RHEL and its kin leaves `/usr/local` out. */
const OTHER_PLACES: Record<Distribution, Partial<InstallPlaces>> = {
  debian: {},
  fedora: { link: "/usr/bin/pfw" },
  arch: {},
  alpine: {},
  suse: {},
};

/** The places of a distribution; an unknown one has those that all have in common. */
export function installPlaces(distribution: Distribution | undefined): InstallPlaces {
  return { ...LOCAL_PLACES, ...(distribution && OTHER_PLACES[distribution]) };
}
