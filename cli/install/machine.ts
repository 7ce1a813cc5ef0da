/** What an installation has to know of the machine that it happens on. */
import { dirname, join } from "node:path";
import { pcapVersion } from "../../ffi/pcap.ts";
import { ask } from "../../engine/control/client.ts";
import type { RunningStats } from "../../engine/control/status.ts";
import { PfwError } from "../../engine/errors.ts";
import {
  type Distribution,
  distributionOf,
  findProgram,
  installHint,
  type InstallPlaces,
  installPlaces,
  type Need,
  thisDistribution,
} from "../../engine/packages.ts";
import { type Paths, rootPaths } from "../../engine/paths.ts";
import type { Systemd } from "./systemd.ts";

/** Everything that belongs to an installed pfw, below a root directory. */
export interface Layout extends InstallPlaces {
  readonly distribution: Distribution | undefined;
  readonly config: string;
  readonly dataDir: string;
  readonly logDir: string;
  readonly runDir: string;
  /** Where a self-extracting pfw unpacks itself. */
  readonly cacheDir: string;
}

const CACHE_DIR = "/var/cache/personal-firewall";

/** @param root `/`, or the directory that stands for it while a package is made */
export function layoutUnder(root: string): Layout {
  const distribution = releaseUnder(root) ?? thisDistribution();
  const places = { ...installPlaces(distribution), ...rootPaths(), cacheDir: CACHE_DIR };
  const below = Object.entries(places).map(([name, path]) => [name, join(root, path)]);
  return { ...(Object.fromEntries(below) as typeof places), distribution };
}

function releaseUnder(root: string): Distribution | undefined {
  for (const name of ["etc/os-release", "usr/lib/os-release"]) {
    try {
      return distributionOf(Deno.readTextFileSync(join(root, name)));
    } catch {
      // The next file, or that of this machine.
    }
  }
  return undefined;
}

/**
 * Refuses a root in which a link leads out of it: what is meant for a package would change, or with
 * `--purge` remove, what belongs to the running machine.
 */
export function requireInside(root: string, layout: Layout): void {
  const real = realPathOf(root);
  const { distribution: _, ...places } = layout;
  for (const path of Object.values(places)) {
    const parent = realPathOf(dirname(path));
    if (real === "/" || parent === real || parent.startsWith(`${real}/`)) continue;
    throw new PfwError(`cannot use ${root}`, `${path} would lie outside of it`, "mend the link");
  }
}

/** The path itself where it exists, else below the nearest directory that does. */
function realPathOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) || dirname(path) === path) throw error;
    return realPathOf(dirname(path));
  }
}

/** What enforcing needs and this machine lacks. */
export function missingNeeds(): Need[] {
  const missing: Need[] = [];
  if (!hasLibpcap()) missing.push("libpcap");
  if (!findProgram("iptables-restore")) missing.push("iptables");
  if (!findProgram("ipset")) missing.push("ipset");
  return missing;
}

function hasLibpcap(): boolean {
  try {
    pcapVersion();
    return true;
  } catch {
    return false;
  }
}

/** How to get them, in a sentence; empty where nothing is missing. */
export function missingText(distribution: Distribution | undefined): string {
  const needs = missingNeeds();
  return needs.length === 0
    ? ""
    : `${needs.join(", ")} missing: ${installHint(needs, distribution ?? "unknown")}`;
}

/** Other firewalls that are active; they are named and never touched. */
export async function otherFirewalls(systemd: Systemd): Promise<string[]> {
  const names: string[] = [];
  if (await isUfwEnabled()) names.push("ufw");
  if (systemd.isRunning() && await systemd.isActive("firewalld.service")) names.push("firewalld");
  return names;
}

/** Its unit is active also where ufw itself is switched off; its file tells. */
async function isUfwEnabled(): Promise<boolean> {
  const text = await Deno.readTextFile("/etc/ufw/ufw.conf").catch(() => "");
  return /^ENABLED=yes\s*$/im.test(text);
}

/** Whether the pfw that runs was started after these files were put in place. */
export async function isNewerThan(paths: Paths, files: readonly string[]): Promise<boolean> {
  const answer = await ask<RunningStats>(paths, "GET", "/stats").catch(() => undefined);
  const since = Date.parse(answer?.body?.since ?? "");
  const times = await Promise.all(files.map(async (file) => (await Deno.stat(file)).mtime));
  return times.every((time) => time !== null && time.getTime() < since);
}
