/** Reads the summaries that test runners print. */

/** How many tests passed, failed and were skipped. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The sum of two. */
export function addCounts(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}

/** `12 passed, 0 failed, 3 skipped`. */
export function countsText({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

// deno-lint-ignore no-control-regex
const COLOURS = /\x1b\[[0-9;]*m/g;
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(.*)$/gm;

/**
 * What one run of `deno test` counted, from its last summary line, e.g.
 * `ok | 12 passed (3 steps) | 0 failed | 3 ignored (2s)`. A run that ends without one, or with an
 * exit code other than 0 and no failed test, counts as one failure: a broken runner is not a pass.
 */
export function denoCounts(text: string, exitCode: number): Counts {
  const summary = [...text.replace(COLOURS, "").matchAll(SUMMARY)].at(-1);
  if (!summary) return { passed: 0, failed: 1, skipped: 0 };
  const failed = Number(summary[2]);
  return {
    passed: Number(summary[1]),
    failed: exitCode !== 0 && failed === 0 ? 1 : failed,
    skipped: Number(/\| (\d+) ignored/.exec(summary[3])?.[1] ?? 0),
  };
}

const SUITE = /^build: (?:ok|FAILED) \| (\d+) passed, (\d+) failed, (\d+) skipped$/gm;

/** What `./build.sh test` counted, from its last line; a failed check counts as a failure too. */
export function suiteCounts(text: string, exitCode: number): Counts {
  const summary = [...text.replace(COLOURS, "").matchAll(SUITE)].at(-1);
  if (!summary) return { passed: 0, failed: 1, skipped: 0 };
  const [passed, failed, skipped] = summary.slice(1).map(Number);
  return { passed, failed: exitCode !== 0 && failed === 0 ? 1 : failed, skipped };
}
