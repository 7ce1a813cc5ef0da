/**
 * `.ci/run`: the suite on the oldest Deno, the unit tests on the newest, and the kernel tests
 * against both kinds of built file. Its last line is `N passed, N failed, N skipped`.
 */
import { join } from "node:path";
import { addCounts, type Counts, countsText, denoCounts, suiteCounts } from "./counts.ts";
import { collect, lastLines, type Outcome, say, tee } from "./run.ts";

/** No step may take longer, in seconds: a hanging test must not hide the others' results. */
const STEP_LIMIT = 25 * 60;

let sum: Counts = { passed: 0, failed: 0, skipped: 0 };

function count(counts: Counts, name: string): void {
  sum = addCounts(sum, counts);
  say(`${name}: ${countsText(counts)}`);
}

function fail(name: string, why: string): void {
  sum = addCounts(sum, { passed: 0, failed: 1, skipped: 0 });
  say(`${name} failed: ${why}`);
}

/** `timeout` ends a command with all that it started. */
async function step(argv: readonly string[], env: Record<string, string>): Promise<Outcome> {
  return await tee(["timeout", "--kill-after=30", String(STEP_LIMIT), ...argv], { env });
}

/** A Deno from npm, in its own folder; `undefined` where npm cannot give it. */
async function denoFromNpm(version: string, folder: string): Promise<string | undefined> {
  const install = ["npm", "install", "--prefix", folder, "--ignore-scripts", "--no-save"];
  const { code, text } = await collect([...install, `deno@${version}`], { timeout: 600_000 });
  const [scope] = code === 0 ? [...Deno.readDirSync(join(folder, "node_modules/@deno"))] : [];
  if (scope) return join(folder, "node_modules/@deno", scope.name, "deno");
  fail(`npm install deno@${version}`, lastLines(text, 2));
  return undefined;
}

async function suite(): Promise<void> {
  const { code, text } = await step(["./build.sh", "test"], { DENO: Deno.execPath() });
  count(suiteCounts(text, code), `the suite on Deno ${Deno.version.deno}`);
}

async function unitTestsOnNewest(work: string): Promise<void> {
  const deno = await denoFromNpm("latest", join(work, "newest"));
  if (!deno) return;
  const { code, text } = await step(
    [deno, "test", "--allow-all", "--parallel", "--ignore=tests/kernel"],
    { DENO: deno },
  );
  count(denoCounts(text, code), "unit tests on the newest Deno");
}

/** Where a runtime for `deno compile` may be told of, on machines that cannot download one. */
const RUNTIME_HINT = "../shared/denort/env";

/** `DENO` and `DENORT_BIN` from there; nothing where it is absent. */
async function hintedRuntime(): Promise<Record<string, string>> {
  const { code, text } = await collect(["bash", "-c", `[ -x ${RUNTIME_HINT} ] && ${RUNTIME_HINT}`]);
  const lines = code === 0 ? [...text.matchAll(/^export (\w+)=(.*)$/gm)] : [];
  return Object.fromEntries(lines.map(([, name, value]) => [name, value]));
}

async function compiledFile(work: string): Promise<string | undefined> {
  const file = join(work, "pfw-compiled");
  const runtime = await hintedRuntime();
  const { code, text } = await step(["./build.sh", "--output", file], {
    DENO: Deno.execPath(),
    ...runtime,
  });
  if (code !== 0) return void fail("building the compiled file", lastLines(text, 2));
  if (/\(compiled,/.test(text)) return file;
  const why = "the runtime for deno compile can neither be found nor downloaded here";
  if (runtime.DENORT_BIN) return void fail("building the compiled file", why);
  return void say(`skipped the compiled file: ${why}`);
}

async function selfExtractingFile(work: string): Promise<string | undefined> {
  const file = join(work, "pfw-self-extracting");
  const argv = ["env", "-u", "DENO", "./build.sh", "--self-extracting", "--output", file];
  const { code, text } = await step(argv, {});
  if (code === 0) return file;
  return void fail("building the self-extracting file", lastLines(text, 2));
}

/** What is run against a built file; a replay that records has a program of its own in it. */
const BUILT_TESTS = [
  "tests/kernel",
  "tests/build/built_file_test.ts",
  "tests/cli/replay_record_test.ts",
];

/** The kernel tests against a built file; none of them may be left out for want of privilege. */
async function kernelTests(file: string, name: string): Promise<void> {
  const { code, text } = await step([Deno.execPath(), "test", "--allow-all", ...BUILT_TESTS], {
    PFW_BIN: file,
    PFW_REQUIRE_KERNEL: "1",
  });
  count(denoCounts(text, code), `kernel tests on the ${name} file`);
}

/** A machine on which the kernel tests would skip themselves proves nothing: that is a failure. */
async function requireKernelTests(): Promise<void> {
  const script = `
    import { kernelTestsAvailable } from "./tests/support/netns.ts";
    const { ok, reason } = await kernelTestsAvailable();
    if (!ok) { console.error(reason); Deno.exit(1); }`;
  const { code, text } = await collect([Deno.execPath(), "eval", script]);
  if (code !== 0) fail("kernel tests", `they cannot run here: ${lastLines(text, 1)}`);
}

const work = await Deno.makeTempDir({ prefix: "pfw-ci-" });
Deno.env.set("PFW_UNPACK_DIR", join(work, "unpacked"));
try {
  await suite();
  await requireKernelTests();
  await unitTestsOnNewest(work);
  const compiled = await compiledFile(work);
  if (compiled) await kernelTests(compiled, "compiled");
  const packed = await selfExtractingFile(work);
  if (packed) await kernelTests(packed, "self-extracting");
} finally {
  await Deno.remove(work, { recursive: true });
}
console.log(countsText(sum));
Deno.exit(sum.failed === 0 ? 0 : 1);
