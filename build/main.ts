/** `./build.sh` once Deno is there: builds, tests or benchmarks. */
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BENCH_NEEDS, ensure, installDependencies, RUN_NEEDS } from "./install.ts";
import { BuildError, collect, lastLines, say, show } from "./run.ts";

const BUNDLE = "dist/bundle";

/** Which of the two ways; `auto`: compiled where the runtime can be had. */
type Way = "auto" | "compiled" | "self-extracting";

async function build(way: Way, output: string): Promise<void> {
  await ensure(RUN_NEEDS);
  say("fetching npm packages");
  await installDependencies();
  // Held until the end: of two builds at once, neither may pack what the other is writing.
  await Deno.mkdir("dist", { recursive: true });
  using lock = await Deno.open("dist/.lock", { create: true, write: true });
  await lock.lock(true);
  say("bundling");
  // Loaded only now: esbuild is one of the packages.
  const { bundle } = await import("./bundle.ts");
  await bundle(["main.ts", "engine/replay_store_thread.ts", "build/place.ts"], BUNDLE);
  // Made and tried beside its place: what is there stays, and runs on, until the new one works.
  const fresh = `${resolve(output)}.${Deno.pid}.new`;
  await Deno.mkdir(dirname(fresh), { recursive: true });
  try {
    await make(way, fresh);
    const { code, text } = await collect([fresh, "--version"]);
    if (code !== 0) throw new BuildError(`what was built does not run: ${lastLines(text, 3)}`);
    const megabytes = (await Deno.stat(fresh)).size / 1e6;
    await Deno.rename(fresh, output);
    say(`${output}: ${text.trim()}, ${megabytes.toFixed(0)} MB`);
  } catch (error) {
    await Deno.remove(fresh).catch(() => {});
    throw error;
  }
}

async function make(way: Way, output: string): Promise<void> {
  if (way !== "self-extracting" && await tryCompile(way, output)) return;
  say("packing Deno and the program into one self-extracting file");
  const { packSelfExtracting } = await import("./self_extracting.ts");
  await packSelfExtracting({ deno: Deno.execPath(), directory: BUNDLE, output });
}

async function tryCompile(way: Way, output: string): Promise<boolean> {
  say("compiling");
  const { compile } = await import("./compile.ts");
  if (await compile(BUNDLE, output) === "compiled") return true;
  if (way === "compiled") throw new BuildError("cannot compile without it; set $DENORT_BIN");
  return false;
}

async function bench(args: string[]): Promise<number> {
  await ensure(BENCH_NEEDS);
  await installDependencies();
  return await show([Deno.execPath(), "task", "--quiet", "bench", ...args]);
}

/** Returns the exit code. */
async function main(args: string[]): Promise<number> {
  if (args[0] === "bench") return await bench(args.slice(1));
  if (args[0] === "test" && args.length === 1) {
    const { testEverything } = await import("./suite.ts");
    return await testEverything();
  }
  const { values } = parseArgs({
    args,
    options: {
      compiled: { type: "boolean", default: false },
      "self-extracting": { type: "boolean", default: false },
      output: { type: "string", default: "./pfw" },
    },
  });
  if (values.compiled && values["self-extracting"]) {
    throw new TypeError("--compiled and --self-extracting exclude each other");
  }
  const way = values.compiled ? "compiled" : values["self-extracting"] ? "self-extracting" : "auto";
  await build(way, values.output);
  return 0;
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  // What `parseArgs` throws on wrong usage is a TypeError.
  const wrongUsage = error instanceof TypeError;
  if (!wrongUsage && !(error instanceof BuildError)) throw error;
  console.error(`build: ${error.message}${wrongUsage ? "; see ./build.sh --help" : ""}`);
  Deno.exit(wrongUsage ? 2 : 1);
}
