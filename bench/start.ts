/** How long short commands take, beside a compiled program that does nothing and beside ufw. */
import { join } from "node:path";
import { compile } from "../build/compile.ts";
import {
  type Benchmark,
  type Findings,
  interleave,
  median,
  medianRatio,
  type Series,
  type Settings,
  type Verdict,
} from "./harness.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { canRun, runToEnd } from "./process.ts";

/** Processes are short: more rounds than others cost little and steady the median. */
const FEWEST_ROUNDS = 20;

/** What the start of `pfw rules list` may be of that of an empty program. */
const MOST = 1.5;

const EMPTY = "an empty program", LIST = "pfw rules list", UFW = "ufw status";

/** The benchmark. */
export const startBenchmark: Benchmark = {
  name: "start",
  title: "short commands, beside a compiled program that does nothing and beside ufw",
  obstacle: ({ pfw }) =>
    pfw.version.includes("(compiled,")
      ? undefined
      : "needs a compiled pfw: ./build.sh --compiled, with $DENORT_BIN or a network",
  run,
};

async function run(settings: Settings): Promise<Findings> {
  const { quick, directory, pfw } = settings;
  using home = new PfwHome(directory, []);
  const program = await copyOf(pfw.argv[0], directory, "pfw-program");
  const programs: [string, readonly string[]][] = [
    [EMPTY, [await copyOf(await emptyProgram(directory), directory, "empty-program")]],
    ...COMMANDS.map((words): [string, string[]] => [
      `pfw ${words.join(" ")}`,
      [program, ...words, ...home.options],
    ]),
  ];
  const hasUfw = canRun(UFW_STATUS);
  if (hasUfw) programs.push([UFW, UFW_STATUS]);
  // Once for nothing: what is measured is not the disk, nor making the configuration.
  for (const [, argv] of programs) await runToEnd(argv);
  const rounds = quick ? 1 : Math.max(FEWEST_ROUNDS, settings.rounds);
  const values = await interleave(
    rounds,
    programs.map(([name, argv]) => async () => ({
      [name]: 1000 * (await runToEnd(argv)).seconds,
    })),
  );
  const series = programs.map(([name]): Series => ({ name, unit: "ms", values: values[name] }));
  return { verdicts: verdictsOf(series), series, notes: notesOf(rounds, hasUfw) };
}

/** Without a running pfw. */
const COMMANDS: readonly (readonly string[])[] = [
  ["--version"],
  ["rules", "list"],
  ["status"],
  ["explain", "203.0.113.7"],
  ["logs", "--limit", "5"],
];

/** It reads and changes nothing, whether ufw is switched on or not. */
const UFW_STATUS = ["ufw", "status"];

/**
 * Both programs are copies, made the same way in the same place: how a file came to lie in the page
 * cache changes what mapping its 90 MB takes by more than what is to be measured.
 */
async function copyOf(file: string, directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  await Deno.remove(path).catch(() => {});
  await Deno.copyFile(file, path);
  return path;
}

/** Compiled anew by the Deno that runs this, the same way as `./build.sh` does. */
async function emptyProgram(directory: string): Promise<string> {
  const sources = join(directory, "empty"), output = join(directory, "empty-compiled");
  await Deno.mkdir(sources, { recursive: true });
  await Deno.writeTextFile(join(sources, "main.js"), "");
  await Deno.remove(output).catch(() => {});
  if (await compile(sources, output) !== "compiled") {
    throw new Error("the runtime for deno compile cannot be had; set $DENORT_BIN");
  }
  return output;
}

function verdictsOf(series: readonly Series[]) {
  const empty = series.find(({ name }) => name === EMPTY)!;
  const others = series.filter((one) => one !== empty);
  const ratios = others.map((one): Verdict => ({
    name: `${one.name} / ${EMPTY}`,
    value: medianRatio(one, empty),
    unit: "×",
    target: one.name === LIST ? { atMost: MOST } : undefined,
  }));
  const list = series.find(({ name }) => name === LIST),
    ufw = series.find(({ name }) => name === UFW);
  if (list && ufw) {
    const value = medianRatio(list, ufw);
    ratios.unshift({ name: `${LIST} / ${UFW}`, value, unit: "×", target: { atMost: 1 } });
  }
  return [...ratios, { name: EMPTY, value: median(empty.values), unit: "ms" }];
}

function notesOf(rounds: number, hasUfw: boolean): string[] {
  return [
    "Whole processes, from start to end, without a running pfw, with a configuration of one rule; " +
    `the files in the page cache; medians of ${rounds}, the programs taking turns. The empty ` +
    "program is made by `deno compile` with the same options and runtime as pfw." +
    (hasUfw
      ? " `ufw` is installed and, as on a fresh system, not switched on: the least it can have to do."
      : " `ufw` is not installed."),
  ];
}
