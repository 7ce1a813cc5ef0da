/** `./build.sh test`: everything that can be checked, and one result at the end. */
import { addCounts, type Counts, countsText, denoCounts } from "./counts.ts";
import { ensure, exists, installDependencies, TEST_NEEDS } from "./install.ts";
import { say, show, tee } from "./run.ts";

/** A check that passes or fails as a whole. */
interface Check {
  readonly name: string;
  readonly argv: readonly string[];
}

/** A run of `deno test`. */
interface TestRun {
  readonly name: string;
  /** What follows `deno test --allow-all`. */
  readonly args: readonly string[];
}

/** Seconds after which a run of tests that hangs is ended, and counts as failed. */
const LIMIT = 20 * 60;

const SHELL_FILES = ["build.sh", "build/self_extracting.sh", ".ci/run"];

const CHECKS: readonly Check[] = [
  { name: "format", argv: [Deno.execPath(), "task", "--quiet", "fmt-check"] },
  { name: "lint", argv: [Deno.execPath(), "task", "--quiet", "lint"] },
  { name: "shell lint", argv: ["shellcheck", ...SHELL_FILES] },
  { name: "types", argv: [Deno.execPath(), "task", "--quiet", "check"] },
];

/** Where examples are looked for; Deno refuses a folder that does not exist. */
const DOCUMENTED = ["mod.ts", "engine", "ffi", "intel"].filter(exists);

const TEST_RUNS: readonly TestRun[] = [
  { name: "unit and property tests", args: ["--parallel", "--ignore=tests/kernel"] },
  // One after another: they measure.
  { name: "kernel tests", args: ["tests/kernel"] },
  { name: "examples in the documentation", args: ["--doc", "--permit-no-files", ...DOCUMENTED] },
];

/** Runs all checks and tests, prints the result as the last line, and returns the exit code. */
export async function testEverything(): Promise<number> {
  await ensure(TEST_NEEDS);
  await installDependencies();
  const broken: string[] = [];
  for (const { name, argv } of CHECKS) {
    say(name);
    if (await show(argv) !== 0) broken.push(name);
  }
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, args } of TEST_RUNS) {
    say(name);
    const run = [Deno.execPath(), "test", "--allow-all", ...args];
    const { code, text } = await tee(["timeout", "--foreground", String(LIMIT), ...run]);
    counts = addCounts(counts, denoCounts(text, code));
  }
  const ok = broken.length === 0 && counts.failed === 0;
  if (broken.length > 0) say(`failed: ${broken.join(", ")}`);
  say(`${ok ? "ok" : "FAILED"} | ${countsText(counts)}`);
  return ok ? 0 : 1;
}
