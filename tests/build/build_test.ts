import assert from "node:assert/strict";
import { join } from "node:path";
import { lacksRuntime } from "../../build/compile.ts";
import { collect, lastLines, TIMED_OUT } from "../../build/run.ts";
import { ROOT } from "../support/pfw.ts";

/** Runs build.sh with a Deno, by default the one that runs this test. */
async function build(args: string[], env: Record<string, string> = {}) {
  return await collect([join(ROOT, "build.sh"), ...args], {
    env: { DENO: Deno.execPath(), NO_COLOR: "1", ...env },
    timeout: 60_000,
  });
}

Deno.test("build: wrong usage is one line and exit code 2", async () => {
  for (
    const args of [["--nonsense"], ["tset"], ["--compiled", "--self-extracting"], ["test", "x"]]
  ) {
    const { code, text } = await build(args);
    assert.equal(code, 2, args.join(" "));
    assert.match(text, /\nbuild: [^\n]+; see \.\/build\.sh --help\n$/);
  }
});

Deno.test("build: --help names the three ways to call it", async () => {
  const { code, text } = await build(["--help"]);
  assert.equal(code, 0);
  for (const words of ["--self-extracting", "build.sh test", "build.sh bench"]) {
    assert.ok(text.includes(words), words);
  }
});

Deno.test("build: a $DENO that is too old, broken or missing is refused", async () => {
  const directory = await Deno.makeTempDir({ prefix: "pfw-build-" });
  try {
    const old = join(directory, "deno");
    await Deno.writeTextFile(old, "#!/bin/sh\necho deno 2.5.9\n", { mode: 0o755 });
    for (const deno of [old, "/bin/false", join(directory, "none")]) {
      const { code, text } = await build([], { DENO: deno });
      assert.equal(code, 1);
      assert.match(text, /^build: \$DENO is [^\n]+ not a Deno of 2\.6\.0 or newer\n$/);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("build: a missing runtime is told from a failed compilation", () => {
  const unreachable =
    "error: Writing deno compile executable to temporary file 'x'\n\nCaused by:\n" +
    "    0: Setting up base binary.\n    1: error sending request for url " +
    "(https://dl.deno.land/release/v2.9.6/denort-x86_64-unknown-linux-gnu.zip): dns error\n";
  assert.equal(lacksRuntime(unreachable), true);
  assert.equal(lacksRuntime(`\n${TIMED_OUT} 900 s`), true);
  assert.equal(lacksRuntime('error: Module not found "file:///dist/main.js".\n'), false);
  assert.equal(lacksRuntime("error: No space left on device (os error 28)\n"), false);
});

Deno.test("build: a command that takes too long is ended and says so", async () => {
  const { code, text } = await collect(["sleep", "30"], { timeout: 100 });
  assert.notEqual(code, 0);
  assert.equal(lastLines(text, 1), "ended after 0.1 s");
});

Deno.test("build: a program that cannot be started is an outcome, not an exception", async () => {
  for (const program of ["no-such-program", "/etc/passwd", "/"]) {
    const outcome = await collect([program]);
    assert.equal(outcome.code, 127);
    assert.ok(outcome.text.startsWith(`${program}: `));
  }
});
