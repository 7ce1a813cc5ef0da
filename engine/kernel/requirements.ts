/** What enforcing needs of this machine: root, programs, kernel features. */
import { ExitCode, PfwError } from "../errors.ts";
import { FAMILIES, type Family } from "../net/address.ts";
import { isRoot } from "../paths.ts";
import type { CommandOutput, Commands } from "./command.ts";
import { iptablesProgram, restoreArgv } from "./kernel_state.ts";

const PROGRAMS = ["iptables", "ip6tables", "ipset"];

/** IPv4, and IPv6 unless the kernel was built or booted without it. */
export async function supportedFamilies(): Promise<readonly Family[]> {
  try {
    await Deno.stat("/proc/sys/net/ipv6");
    return FAMILIES;
  } catch {
    return [4];
  }
}

/** Whether an error of iptables or ipset says that the kernel or the right to use it is missing. */
export function isMissingFeature(text: string): boolean {
  return [
    /No chain\/target\/match by that name/i,
    /missing kernel module/i,
    /Couldn't load (match|target)/i,
    /Operation not permitted|Permission denied|must be root/i,
    /Cannot open session to kernel|Kernel support protocol versions/i,
    /Table does not exist|can't initialize ip6?tables table/i,
    /Protocol not supported|Operation not supported/i,
  ].some((pattern) => pattern.test(text));
}

/** A kernel feature and the rule that proves it. */
interface Feature {
  readonly name: string;
  /** Modules of the kernel that bring it. */
  readonly modules: string;
  readonly rule: string;
}

const FEATURES: readonly Feature[] = [
  {
    name: "NFLOG",
    modules: "nfnetlink_log, xt_NFLOG",
    rule: "-j NFLOG --nflog-group 1 --nflog-size 128",
  },
  {
    name: "set matching",
    modules: "ip_set_hash_net, xt_set",
    rule: "-m set --match-set pfw-probe src",
  },
  {
    name: "filling sets",
    modules: "ip_set_hash_ip, xt_set",
    rule: "-j SET --add-set pfw-probe-ip src --timeout 1",
  },
  {
    name: "limits",
    modules: "xt_limit",
    rule: "-m limit --limit 1/sec --limit-burst 10",
  },
  {
    name: "connection tracking",
    modules: "nf_conntrack, xt_conntrack",
    rule: "-m conntrack --ctdir REPLY",
  },
  {
    name: "the rate limit",
    modules: "xt_hashlimit",
    rule: "-m hashlimit --hashlimit-above 1/sec --hashlimit-mode srcip --hashlimit-name pfw-probe",
  },
  {
    name: "port lists",
    modules: "xt_multiport",
    rule: "-p tcp -m multiport --dports 1,2",
  },
];

/**
 * Makes sure that policies can be enforced here; changes nothing.
 *
 * @throws PfwError with exit code 4 that says what is missing and how to get it
 */
export async function requireEnforcement(
  commands: Commands,
  families?: readonly Family[],
): Promise<void> {
  if (!isRoot()) {
    throw missing("this user may not change the firewall", "run it with sudo");
  }
  // Whether they are installed; whether they work is for the probes to say, which name the cause.
  for (const program of PROGRAMS) await commands.run([program, "--version"]);
  await requireSets(commands);
  for (const family of families ?? await supportedFamilies()) {
    await requireFeatures(commands, family);
  }
}

async function requireSets(commands: Commands): Promise<void> {
  const output = await commands.run(["ipset", "list", "-n"]);
  if (output.status === 0) return;
  throw missing(
    `ipset does not work: ${firstLine(output)}`,
    "load the kernel module ip_set and run with CAP_NET_ADMIN",
  );
}

/** All at once first; one by one only to name what is missing. */
async function requireFeatures(commands: Commands, family: Family): Promise<void> {
  const whole = await probe(commands, family, FEATURES);
  if (whole.status === 0 || cannotProbe(whole)) return;
  for (const feature of FEATURES) {
    const output = await probe(commands, family, [feature]);
    if (output.status === 0) continue;
    throw missing(
      `the kernel lacks ${feature.name} for IPv${family}: ${firstLine(output)}`,
      `load or install the kernel modules ${feature.modules}`,
    );
  }
}

/**
 * Whether rules can read and write marks of connections (xt_connmark, which serves both families).
 * Where no namespace can be made, as in the service's sandbox, the rule stands for a moment in a chain
 * that nothing leads to: call it only where a policy is put in place next, which would remove it.
 */
export async function supportsConnectionMarks(
  commands: Commands,
  family: Family,
): Promise<boolean> {
  const rule = "-m connmark --mark 0x1 -j CONNMARK --set-xmark 0x1/0xffffffff";
  const output = await probe(commands, family, [{ rule }]);
  if (!cannotProbe(output)) return output.status === 0;
  const restore = (lines: string) =>
    commands.run(restoreArgv(family), `*filter\n:PFW-PROBE - [0:0]\n${lines}COMMIT\n`);
  const { status } = await restore(`-A PFW-PROBE ${rule}\n`);
  if (status === 0) await restore("-F PFW-PROBE\n-X PFW-PROBE\n");
  return status === 0;
}

/** Writes the rules in a network namespace of its own, which is gone when the command ends. */
function probe(
  commands: Commands,
  family: Family,
  features: readonly Pick<Feature, "rule">[],
): Promise<CommandOutput> {
  const words = `family ${family === 4 ? "inet" : "inet6"}`;
  const script = `ipset create pfw-probe hash:net ${words} && ` +
    `ipset create pfw-probe-ip hash:ip ${words} timeout 0 && ` +
    `exec ${iptablesProgram(family, "-restore")}`;
  const rules = features.map(({ rule }) => `-A PFW-PROBE ${rule}\n`).join("");
  const filter = `*filter\n:PFW-PROBE - [0:0]\n${rules}COMMIT\n`;
  const text = `*raw\n:PFW-PROBE - [0:0]\nCOMMIT\n${filter}`;
  return commands.run(["unshare", "--net", "sh", "-c", script], text);
}

/** Some containers may change their firewall but not make namespaces: then applying will tell. */
function cannotProbe(output: CommandOutput): boolean {
  return /unshare:/.test(output.stderr);
}

function firstLine({ stderr, status }: CommandOutput): string {
  const line = stderr.split("\n").find((line) => line.trim() && !line.startsWith("#"));
  return (line ?? `status ${status}`).trim();
}

function missing(why: string, next: string): PfwError {
  return new PfwError("cannot enforce", why, next, ExitCode.missing);
}
