/**
 * The programs and the kernel features that enforcing takes.
 *
 * What the kernel can do is not guessed from lists: each rule form is tried in a network namespace
 * of its own that ends with the command, so nothing on the machine changes.
 */
import { type Check, fine, lacking } from "./doctor_check.ts";
import type { CommandOutput, Commands } from "./kernel/command.ts";
import { FAMILIES, type Family } from "./net/address.ts";
import { findProgram, installHint, type Need } from "./packages.ts";
import { isRoot } from "./paths.ts";

/** Checks every program, and then every kernel feature as far as the programs allow. */
export async function checkKernel(commands: Commands): Promise<Check[]> {
  const programs = await Promise.all(PROGRAMS.map((program) => checkProgram(program, commands)));
  return [...programs, ...await checkFeatures(commands)];
}

/** A tool and the programs that make it up. */
interface Program {
  readonly name: string;
  readonly need: Need;
  readonly parts: readonly string[];
}

const PROGRAMS: readonly Program[] = [
  ...["iptables", "ip6tables"].map((name): Program => ({
    name,
    need: "iptables",
    parts: [name, `${name}-restore`, `${name}-save`],
  })),
  { name: "ipset", need: "ipset", parts: ["ipset"] },
];

async function checkProgram({ name, need, parts }: Program, commands: Commands): Promise<Check> {
  const absent = parts.filter((part) => !findProgram(part));
  if (absent.length > 0) return lacking(name, `no ${absent.join(", ")}`, installHint([need]));
  const output = await tryRun(commands, [name, "--version"]);
  const version = programVersion(output.stdout);
  // Not the status: without root, ipset tells its version and then fails to ask the kernel for its.
  if (version) return fine(name, version);
  return lacking(name, firstLine(output), installHint([need]));
}

/** `1.8.9, nf_tables` of `iptables v1.8.9 (nf_tables)`; a version without its name is legacy. */
export function programVersion(text: string): string | undefined {
  const match = /v([\d.]+\w*)(?: \((\w+)\)|, protocol version: (\d+))?/.exec(text);
  if (!match) return undefined;
  const [, version, backend, protocol] = match;
  return [version, backend, protocol && `protocol ${protocol}`].filter(Boolean).join(", ");
}

/** Something that the kernel must be able to do: a rule that only works where it can. */
export interface Feature {
  readonly name: string;
  /** The symbols of which one brings it, for a kernel that cannot be asked. */
  readonly symbols: readonly string[];
  readonly table?: "raw" | "filter";
  readonly rule: string;
  /** Whether the rule needs the set below. */
  readonly set?: true;
}

const SET = "pfw-doctor";

const FEATURES: readonly Feature[] = [
  {
    name: "NFLOG target",
    symbols: ["NETFILTER_XT_TARGET_NFLOG"],
    rule: "-j NFLOG --nflog-group 1 --nflog-prefix pfw --nflog-size 128 --nflog-threshold 64",
  },
  {
    name: "set match",
    symbols: ["NETFILTER_XT_SET"],
    rule: `-m set --match-set ${SET} src -j RETURN`,
    set: true,
  },
  {
    name: "set target",
    symbols: ["NETFILTER_XT_SET"],
    rule: `-j SET --add-set ${SET} src`,
    set: true,
  },
  {
    name: "hashlimit match",
    symbols: ["NETFILTER_XT_MATCH_HASHLIMIT"],
    rule: "-m hashlimit --hashlimit-above 10/sec --hashlimit-burst 100 " +
      "--hashlimit-mode srcip --hashlimit-name pfw-doctor -j RETURN",
  },
  {
    name: "limit match",
    symbols: ["NETFILTER_XT_MATCH_LIMIT"],
    rule: "-m limit --limit 1/sec --limit-burst 10 -j RETURN",
  },
  {
    name: "conntrack match",
    symbols: ["NETFILTER_XT_MATCH_CONNTRACK"],
    rule: "-m conntrack --ctdir REPLY -j RETURN",
  },
  {
    name: "multiport match",
    symbols: ["NETFILTER_XT_MATCH_MULTIPORT"],
    rule: "-p tcp -m multiport --dports 1,2 -j RETURN",
  },
  { name: "raw table", symbols: ["IP_NF_RAW", "NF_TABLES_IPV4"], table: "raw", rule: "-j RETURN" },
];

const NOTHING: Feature = { name: "an empty chain", symbols: [], rule: "" };

async function checkFeatures(commands: Commands): Promise<Check[]> {
  const refusal = await tryFeature(NOTHING, 4, commands);
  if (refusal !== undefined) {
    const config = await kernelConfig(commands);
    return FEATURES.map((feature) => guessFeature(feature, config, refusal));
  }
  return await Promise.all(FEATURES.map((feature) => checkFeature(feature, commands)));
}

async function checkFeature(feature: Feature, commands: Commands): Promise<Check> {
  const refusals: string[] = [];
  for (const family of FAMILIES) {
    const refusal = await tryFeature(feature, family, commands);
    if (refusal !== undefined) refusals.push(`IPv${family}: ${refusal}`);
  }
  if (refusals.length === 0) return fine(feature.name, "IPv4 and IPv6");
  return lacking(feature.name, refusals.join(" | "), kernelNeeded(feature));
}

/** Tries a rule in a namespace of its own; says why where it is refused. */
async function tryFeature(
  { table = "filter", rule, set }: Feature,
  family: Family,
  commands: Commands,
): Promise<string | undefined> {
  const program = family === 4 ? "iptables" : "ip6tables";
  const restore = `exec ${program}-restore --noflush`;
  const create = `ipset create ${SET} hash:net family ${family === 4 ? "inet" : "inet6"}`;
  const append = rule ? `-A PFW-DOCTOR ${rule}\n` : "";
  const output = await tryRun(
    commands,
    [...NAMESPACE, "sh", "-c", set ? `${create} && ${restore}` : restore],
    `*${table}\n:PFW-DOCTOR - [0:0]\n${append}COMMIT\n`,
  );
  return output.status === 0 ? undefined : firstLine(output);
}

/** A user other than root gets one by being root in a user namespace, where the kernel allows. */
const NAMESPACE = isRoot()
  ? ["unshare", "--net"]
  : ["unshare", "--user", "--map-root-user", "--net"];

/** What the kernel was built with, where it says so; else the empty text. */
async function kernelConfig(commands: Commands): Promise<string> {
  const packed = await tryRun(commands, ["gzip", "-dc", "/proc/config.gz"]);
  if (packed.status === 0) return packed.stdout;
  const release = Deno.osRelease();
  return await Deno.readTextFile(`/boot/config-${release}`).catch(() => "");
}

/** A feature of a kernel that could not be asked: what its configuration promises. */
export function guessFeature(feature: Feature, config: string, refusal: string): Check {
  const { name, symbols } = feature;
  const value = new RegExp(`^CONFIG_(?:${symbols.join("|")})=([ym])$`, "m").exec(config)?.[1];
  if (config !== "" && !value) {
    return lacking(name, "the kernel was built without it", kernelNeeded(feature));
  }
  const built = value ? `${value === "y" ? "built in" : "a module"}, ` : "";
  const fix = "run pfw doctor as root";
  return { name, state: "warning", needed: true, detail: `${built}not tried: ${refusal}`, fix };
}

function kernelNeeded({ symbols }: Feature): string {
  return `it takes a kernel with ${symbols.map((symbol) => `CONFIG_${symbol}`).join(" or ")}`;
}

/** Runs a program; one that cannot be run is one that failed. */
async function tryRun(
  commands: Commands,
  argv: readonly string[],
  stdin?: string,
): Promise<CommandOutput> {
  try {
    return await commands.run(argv, stdin);
  } catch (error) {
    return {
      status: 127,
      stdout: "",
      stderr: String(error instanceof Error ? error.message : error),
    };
  }
}

function firstLine({ status, stderr, stdout }: CommandOutput): string {
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim()).filter(Boolean);
  return (lines[0] ?? `status ${status}`).slice(0, 200);
}
