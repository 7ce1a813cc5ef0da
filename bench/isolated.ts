/**
 * Each benchmark runs in a process of its own: what one leaves behind (a heap, open devices, a
 * library that crashed) meets no other, and one that hangs is ended.
 */
import { join } from "node:path";
import type { BenchmarkResult } from "./results.ts";

/** What a result begins with, whatever becomes of the benchmark. */
export type ResultHead = Pick<BenchmarkResult, "name" | "title" | "occasion">;

/** Milliseconds after which a benchmark is given up: the longest takes a third of it. */
const PATIENCE = 45 * 60_000;

const MAIN = join(import.meta.dirname!, "main.ts");

/** Runs `deno task bench` with these arguments for one benchmark; never throws. */
export async function runIsolated(
  head: ResultHead,
  directory: string,
  args: readonly string[],
  { main = MAIN, patience = PATIENCE } = {},
): Promise<BenchmarkResult> {
  const file = Deno.makeTempFileSync({ dir: directory, prefix: "result-" });
  try {
    const words = [...withoutChoice(args), "--only", head.name, "--into", file];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", main, ...words],
      stdin: "null",
    }).spawn();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, patience);
    const { code, signal } = await child.status;
    clearTimeout(timer);
    if (isLate) {
      const minutes = Math.round(patience / 60_000);
      return {
        ...head,
        failed: `was not done after ${minutes} minutes; what it started may run on`,
      };
    }
    const text = Deno.readTextFileSync(file);
    if (text !== "") return JSON.parse(text);
    return { ...head, failed: `ended with ${signal ?? `status ${code}`} and without a result` };
  } catch (error) {
    return { ...head, failed: `could not be run: ${(error as Error).message}` };
  } finally {
    Deno.removeSync(file);
  }
}

/** The child is told of one benchmark. */
function withoutChoice(args: readonly string[]): string[] {
  return args.filter((word, at) =>
    word !== "--only" && args[at - 1] !== "--only" && !word.startsWith("--only=")
  );
}
