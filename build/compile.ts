/** The first way to make `./pfw`: `deno compile`. */
import { RUNTIME_FLAGS } from "./runtime_flags.ts";
import { BuildError, collect, lastLines, say, TIMED_OUT } from "./run.ts";

/** How `deno compile` ended: `no-runtime` where the file that it appends programs to is not had. */
export type CompileResult = "compiled" | "no-runtime";

/**
 * Compiles a bundle into one executable; `output` must not exist yet.
 *
 * All permissions, because nothing less reads `/proc/net` or `/sys/class/net` (Deno asks for "all"
 * there), a list of programs to run is resolved once at start and complains about those that a
 * machine lacks, and the right to call C is all of them anyway.
 *
 * `--no-code-cache`, because a compiled program otherwise loads machine code from
 * `$TMPDIR/deno-compile-<name>.cache`: a file that any user can put there for root to run.
 *
 * @throws BuildError where it fails for any reason but a missing runtime
 */
export async function compile(directory: string, output: string): Promise<CompileResult> {
  const argv = [
    Deno.execPath(),
    "compile",
    "--quiet",
    "--allow-all",
    ...RUNTIME_FLAGS,
    "--no-code-cache",
    "--no-check",
    "--no-config",
    "--no-lock",
    "--no-npm",
    "--no-remote",
    "--include",
    directory,
    "--output",
    output,
    `${directory}/main.js`,
  ];
  const { code, text } = await collect(argv, { env: { NO_COLOR: "1" }, timeout: 15 * 60_000 });
  if (code === 0) return "compiled";
  if (!Deno.env.get("DENORT_BIN") && lacksRuntime(text)) {
    const why = /\d+: (error sending request.*|.*denort.*)/.exec(text)?.[1] ?? lastLines(text, 1);
    say(`no runtime for deno compile: ${why}`);
    return "no-runtime";
  }
  throw new BuildError(`deno compile failed: ${lastLines(text, 6)}`);
}

/** Whether this output of `deno compile` says that its runtime could not be had. */
export function lacksRuntime(text: string): boolean {
  // Nothing but the download of the runtime takes long, so an end by the clock is one of that.
  return /Setting up base binary|dl\.deno\.land/i.test(text) || text.includes(TIMED_OUT);
}
