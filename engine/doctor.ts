/** Looks at everything that pfw needs on this machine; changes nothing. */
import { accessSync, constants, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pcapVersion } from "../ffi/pcap.ts";
import { ask } from "./control/client.ts";
import { type Check, fine, lacking } from "./doctor_check.ts";
import { checkKernel } from "./doctor_kernel.ts";
import { errorText, PfwError } from "./errors.ts";
import { type Commands, SystemCommands } from "./kernel/command.ts";
import { installHint } from "./packages.ts";
import { isRoot, isSeen, type Paths } from "./paths.ts";
import { readConfigFile, refuseRemoved } from "./policy/config_file.ts";

/** Everything that was looked at. */
export interface Diagnosis {
  /** Whether all that enforcing needs is there. */
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

/** Looks at everything. */
export async function diagnose(
  paths: Paths,
  commands: Commands = new SystemCommands(),
): Promise<Diagnosis> {
  const checks = [
    checkPrivilege(await readStatus()),
    checkLibpcap(),
    ...await checkKernel(commands),
    await checkConfiguration(paths),
    ...checkDirectories(paths),
    checkDisk(paths.dataDir),
    checkSqlite(),
    await checkRunning(paths),
  ];
  return { ready: checks.every(({ state, needed }) => !needed || state !== "missing"), checks };
}

async function readStatus(): Promise<string> {
  return await Deno.readTextFile("/proc/self/status").catch(() => "");
}

/** Numbers of the capabilities that enforcing and capturing take, from capabilities(7). */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 } as const;

/** @param status the text of `/proc/self/status` */
export function checkPrivilege(status: string, root: boolean = isRoot()): Check {
  const name = "privilege";
  if (!root) return lacking(name, "not root", "run it with sudo");
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const absent = Object.entries(CAPABILITIES)
    .filter(([, bit]) => mask !== undefined && (BigInt(`0x${mask}`) >> BigInt(bit) & 1n) === 0n)
    .map(([capability]) => capability);
  if (absent.length === 0) return fine(name, "root");
  const fix = "give them to the container or service that pfw runs in";
  return lacking(name, `root without ${absent.join(" and ")}`, fix);
}

function checkLibpcap(): Check {
  try {
    return fine("libpcap", /version ([\d.]+)/.exec(pcapVersion())?.[1] ?? pcapVersion());
  } catch (error) {
    return lacking("libpcap", errorText(error), installHint(["libpcap"]));
  }
}

async function checkConfiguration(paths: Pick<Paths, "config" | "lock">): Promise<Check> {
  const { config: file } = paths;
  try {
    const { config } = await readConfigFile(file);
    const rules = config.rules.length;
    return fine("configuration", `${file}: ${rules} ${rules === 1 ? "rule" : "rules"}`);
  } catch (error) {
    if (!exists(file) && !isSeen(file)) return checkAbsent(paths);
    return lacking("configuration", errorText(error), "see all of it with: pfw rules check");
  }
}

async function checkAbsent(paths: Pick<Paths, "config" | "lock">): Promise<Check> {
  try {
    await refuseRemoved(paths);
    return fine("configuration", `${paths.config} is made by the first start`);
  } catch (error) {
    if (!(error instanceof PfwError)) throw error;
    return lacking("configuration", `${paths.config}: ${error.why}`, error.next);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    // Anything else, such as a directory on the way that this user may not enter, hides something.
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}

function checkDirectories(paths: Paths): Check[] {
  const { config, dataDir, logDir, runDir } = paths;
  const places = { configuration: dirname(config), data: dataDir, log: logDir, run: runDir };
  return Object.entries(places).map(([name, path]) => checkDirectory(`${name} directory`, path));
}

/** Whether this user can write there, or make it where it does not exist yet. */
export function checkDirectory(name: string, path: string): Check {
  const present = nearestExisting(path);
  const missing = present === path ? "" : " is made by the first start";
  try {
    if (!Deno.statSync(present).isDirectory) throw new Error(`${present} is not a directory`);
    accessSync(present, constants.W_OK | constants.X_OK);
    return fine(name, path + missing);
  } catch (error) {
    const { code } = error as { code?: string };
    const why = code === "EROFS" ? "is on a read-only file system" : "cannot be written to";
    const detail = code ? `${present} ${why}` : errorText(error);
    return lacking(name, detail, "run it as its owner, or name another one (see pfw --help)");
  }
}

/** The path itself or the nearest of its parents that exists. */
function nearestExisting(path: string): string {
  return exists(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** Bytes under which the disk is worth a look, and under which the database cannot work. */
const SPARE = 100e6;
const LEAST = 5e6;

function checkDisk(directory: string): Check {
  const name = "disk space";
  const place = nearestExisting(directory);
  try {
    const { bavail, bsize } = statfsSync(place);
    const free = bavail * bsize;
    const detail = `${(free / 1e6).toFixed(0)} MB free at ${place}`;
    if (free >= SPARE) return fine(name, detail, false);
    const state = free < LEAST ? "missing" : "warning";
    return { name, state, needed: false, detail, fix: "make room, or set logging.max_size lower" };
  } catch (error) {
    const detail = errorText(error);
    return { name, state: "warning", needed: false, detail, fix: `look at ${place}` };
  }
}

function checkSqlite(): Check {
  const database = new DatabaseSync(":memory:");
  try {
    const row = database.prepare("SELECT sqlite_version() AS version").get();
    return fine("SQLite", `${row?.version} (built in)`);
  } finally {
    database.close();
  }
}

async function checkRunning(paths: Paths): Promise<Check> {
  const name = "running pfw";
  try {
    const answer = await ask(paths, "GET", "/status");
    const detail = answer ? `answers on ${paths.socket}` : "none: start it with pfw start";
    return fine(name, detail, false);
  } catch (error) {
    return {
      name,
      state: "warning",
      needed: false,
      detail: errorText(error),
      fix: "look at it with: pfw status",
    };
  }
}
