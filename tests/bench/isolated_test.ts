import assert from "node:assert/strict";
import { join } from "node:path";
import { runIsolated } from "../../bench/isolated.ts";
import { NOT_INSTALLED, programVersions } from "../../bench/versions.ts";

const HEAD = {
  name: "one",
  title: "t",
  occasion: { date: "2026-11-29T00:00:00Z", commit: "c", pfw: "pfw", rounds: 5, loadBefore: 0 },
};

/** Runs a program in the place of `bench/main.ts`, whose `--into` is the last word. */
async function isolated(program: string, args: readonly string[] = [], patience?: number) {
  const directory = Deno.makeTempDirSync();
  try {
    const main = join(directory, "main.ts");
    Deno.writeTextFileSync(main, `const file = Deno.args.at(-1)!;\n${program}\n`);
    const result = await runIsolated(HEAD, directory, args, { main, patience });
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["main.ts"]);
    return result as unknown as Record<string, unknown>;
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("bench: a benchmark in a process of its own is told of itself alone", async () => {
  const program = "Deno.writeTextFileSync(file, JSON.stringify({ args: Deno.args }));";
  const words = ["--quick", "--only", "two", "--only=three", "--pfw", "./pfw", "--only", "one"];
  const { args } = await isolated(program, words);
  assert.deepEqual((args as string[]).slice(0, -1), [
    ...["--quick", "--pfw", "./pfw"],
    ...["--only", "one", "--into"],
  ]);
});

Deno.test("bench: one that ends without a result has failed, and so has one that hangs", async () => {
  const ended = await isolated("Deno.exit(7);");
  assert.deepEqual(ended, { ...HEAD, failed: "ended with status 7 and without a result" });
  const killed = await isolated("Deno.kill(Deno.pid, 'SIGKILL'); for (;;);");
  assert.deepEqual(killed, { ...HEAD, failed: "ended with SIGKILL and without a result" });
  const late = await isolated("setInterval(() => {}, 1000);", [], 50);
  assert.match(`${late.failed}`, /^was not done after/);
});

Deno.test("bench: programs say their versions, and what is not there is said, too", () => {
  const versions = programVersions([
    { name: "one", argv: ["echo", "tool version 4.99.3 of 2026"] },
    { name: "two", argv: ["echo", "tool v1.8.9 (nf_tables)"], pattern: /\d+\.\d+\S* \(\w+\)/ },
    { name: "none", argv: ["/nonexistent/program", "--version"] },
    { name: "broken", argv: ["false"] },
    { name: "silent", argv: ["true"] },
  ]);
  assert.deepEqual(versions, {
    one: "4.99.3",
    two: "1.8.9 (nf_tables)",
    none: NOT_INSTALLED,
    broken: NOT_INSTALLED,
    silent: "unknown",
  });
});
