/** The C programs beside pfw: compiled, run, and their answers read. */
import { join } from "node:path";
import { REPLAY_SEED } from "../engine/replay.ts";
import { REASONS } from "../engine/policy/verdict.ts";
import { type Capture, HOST_V4, HOST_V6 } from "./captures.ts";
import type { Settings } from "./harness.ts";
import { canRun, runToEnd } from "./process.ts";
import { type BenchRule, ruleLines } from "./rules.ts";
import { RATE_LIMIT, SAMPLE, type ThreatHome } from "./threat_home.ts";

/** Why they cannot be compiled; `undefined` when they can. */
export function compileObstacle(): string | undefined {
  if (!canRun(["cc", "--version"])) return "needs a C compiler (cc)";
  const hasHeaders = canRun(["sh", "-c", "echo '#include <pcap/pcap.h>' | cc -E -x c -"]);
  return hasHeaders ? undefined : "needs libpcap's headers (Debian: libpcap-dev)";
}

/** Compiles one of them; returns the program. */
export async function compile(
  { directory }: Pick<Settings, "directory">,
  name: "count" | "decide",
): Promise<string> {
  const source = join(import.meta.dirname!, `${name}.c`), program = join(directory, name);
  // Doubles must come out as in JavaScript, on every processor.
  const flags = ["-O2", "-Wall", "-ffp-contract=off"];
  await runToEnd(["cc", ...flags, "-o", program, source, "-lpcap", "-lm"]);
  return program;
}

/** A program that ended, with its processor seconds, which `times` of the shell says. */
export async function runWithTimes(argv: readonly string[]) {
  const ended = await runToEnd(["bash", "-c", 'TIMEFORMAT="%U %S"; time "$@"', "bash", ...argv]);
  const times = ended.err.trim().split("\n").at(-1)!.split(" ").map(Number);
  return { ...ended, processor: times[0] + times[1] };
}

/** Packets by reason, as `--json` of a replay shows them: without those of no packet. */
export type ReasonCounts = Readonly<Record<string, number>>;

/** What `decide` is told beside the capture. */
export class Decider {
  readonly #program: string;
  readonly #words: readonly string[];

  constructor(
    program: string,
    { home, threats }: Pick<ThreatHome, "home" | "threats">,
    rules: readonly BenchRule[],
  ) {
    const rulesFile = join(home.directory, "rules.txt");
    Deno.writeTextFileSync(rulesFile, ruleLines(rules));
    const { connections, seconds } = RATE_LIMIT;
    const numbers = [REPLAY_SEED, connections, seconds, SAMPLE].map(String);
    this.#program = program;
    this.#words = [threats, rulesFile, HOST_V4, HOST_V6, ...numbers, join(home.directory, "rows")];
  }

  /** The command that watches an interface until SIGINT; it says `watching`, and its results at the end. */
  watching(device: string, { snaplen, kibibytes }: { snaplen: number; kibibytes: number }) {
    return [this.#program, `live:${device}:${snaplen}:${kibibytes}`, ...this.#words];
  }

  /** Judges a capture. */
  async run({ path }: Capture) {
    const { out, seconds, processor } = await runWithTimes([this.#program, path, ...this.#words]);
    const [packets, inside, processorInside, ...counts] = out.trim().split(" ").map(Number);
    const byReason: ReasonCounts = Object.fromEntries(
      REASONS.map((reason, at) => [reason, counts[at]] as const).filter(([, count]) => count > 0),
    );
    return { packets, inside, processorInside, seconds, processor, byReason };
  }
}
