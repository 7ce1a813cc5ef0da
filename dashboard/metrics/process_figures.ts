/**
 * What Linux says of this process. From `/proc` and not from the runtime: prom-client's own
 * process metrics rest on parts of Node that Deno does not have.
 */
import { ProcFiles } from "../../engine/net/proc_files.ts";

/** Figures of a process; what the system does not tell is `undefined`. */
export interface ProcessFigures {
  /** User and system time. Seconds. */
  readonly cpuSeconds: number | undefined;
  /** Bytes. */
  readonly residentBytes: number | undefined;
  readonly virtualBytes: number | undefined;
  readonly openFds: number | undefined;
  readonly maxFds: number | undefined;
  /** Seconds since 1970. */
  readonly startTime: number | undefined;
  /** Of V8. Bytes. */
  readonly heapUsedBytes: number;
  readonly heapSizeBytes: number;
}

/** Ticks in a second, as every Linux on the supported CPUs tells times to programs (USER_HZ). */
const TICKS = 100;

/** Reads them; cheap enough for every scrape. */
export function readProcess(root = "/proc"): ProcessFigures {
  const proc = new ProcFiles(root);
  const { rss, heapUsed, heapTotal } = Deno.memoryUsage();
  return {
    ...parseStat(proc.read("self/stat"), bootTime(proc.read("stat"))),
    residentBytes: rss,
    openFds: countEntries(`${root}/self/fd`),
    maxFds: parseMaxFds(proc.read("self/limits")),
    heapUsedBytes: heapUsed,
    heapSizeBytes: heapTotal,
  };
}

/** Fields as proc(5) numbers them; the program's name in the second may hold anything. */
export function parseStat(stat: string, boot: number | undefined) {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).trim().split(" ");
  const field = (number: number) => numberOr(fields[number - 3]);
  const user = field(14), system = field(15), start = field(22);
  return {
    cpuSeconds: user === undefined || system === undefined ? undefined : (user + system) / TICKS,
    virtualBytes: field(23),
    startTime: start === undefined || boot === undefined ? undefined : boot + start / TICKS,
  };
}

/** The soft limit; unlimited is `Infinity`. */
export function parseMaxFds(limits: string): number | undefined {
  const [, soft] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
  return soft === "unlimited" ? Infinity : numberOr(soft);
}

function bootTime(stat: string): number | undefined {
  return numberOr(/^btime (\d+)$/m.exec(stat)?.[1]);
}

function numberOr(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

function countEntries(path: string): number | undefined {
  try {
    return [...Deno.readDirSync(path)].length;
  } catch {
    return undefined;
  }
}
