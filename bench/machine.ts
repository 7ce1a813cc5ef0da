/** What was measured on. */

/** A machine. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  /** Bytes. */
  readonly memory: number;
  readonly kernel: string;
  readonly distribution: string;
}

/** When and of what a benchmark was run. */
export interface Occasion {
  /** ISO 8601 UTC. */
  readonly date: string;
  readonly commit: string;
  /** What the measured pfw says of itself. */
  readonly pfw: string;
  readonly rounds: number;
  /** Runnable tasks before it (one minute's average): above 1, others ran beside it. */
  readonly loadBefore: number;
}

/** Describes this machine. */
export function thisMachine(): Machine {
  return {
    processor: match("/proc/cpuinfo", /^model name\s*:\s*(.*)$/m) ?? Deno.build.arch,
    processors: navigator.hardwareConcurrency,
    memory: Deno.systemMemoryInfo().total,
    kernel: Deno.osRelease(),
    distribution: match("/etc/os-release", /^PRETTY_NAME="?(.*?)"?$/m) ?? "Linux",
  };
}

/** Now, this commit, that pfw. */
export function thisOccasion(pfw: string, rounds: number): Occasion {
  return {
    date: new Date().toISOString(),
    commit: output(["git", "describe", "--always", "--dirty", "--exclude=*"]),
    pfw,
    rounds,
    loadBefore: Deno.loadavg()[0],
  };
}

function match(path: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(Deno.readTextFileSync(path))?.[1];
  } catch {
    return undefined;
  }
}

function output([program, ...args]: readonly string[]): string {
  try {
    const cwd = import.meta.dirname;
    const { success, stdout } = new Deno.Command(program, { args, cwd, stderr: "null" })
      .outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : "unknown";
  } catch {
    return "unknown";
  }
}
