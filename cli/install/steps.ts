/** An installation as steps: each knows whether it is done already, so that all may be repeated. */
import { errorText, ExitCode, PfwError } from "../../engine/errors.ts";
import { printable } from "../output.ts";

/** One thing to do. */
export interface Step {
  /** What it does, for people: `copy pfw to /usr/local/bin/pfw`. */
  readonly what: string;
  /** Whether there is nothing to do. @throws PfwError where it must not be done */
  isDone(): Promise<boolean>;
  act(): Promise<void>;
  /** Whoever installs is told that it failed, and the rest goes on. */
  readonly isOptional?: boolean;
}

/** What became of a step: `kept` needed nothing, `planned` is of a dry run. */
export type StepState = "done" | "kept" | "planned" | "failed";

/** A step that was looked at. */
export interface StepReport {
  readonly what: string;
  readonly state: StepState;
  /** Why it failed. */
  readonly why?: string;
}

/** How steps are run. */
export interface RunStepsOptions {
  /** `install` or `uninstall`, for errors. */
  readonly name: string;
  /** Only says what it would do. */
  readonly dryRun: boolean;
  /** Called after each step. */
  tell(report: StepReport): void;
}

/**
 * Runs steps in order.
 *
 * @throws PfwError at the first that fails; it names what was done and how to go on
 */
export async function runSteps(
  steps: readonly Step[],
  { name, dryRun, tell }: RunStepsOptions,
): Promise<StepReport[]> {
  const reports: StepReport[] = [];
  // What is refused is refused before anything changes.
  for (const step of steps) {
    await step.isDone().catch((error) => {
      if (!step.isOptional) throw stopped(name, step, reports, error);
    });
  }
  for (const step of steps) {
    const report = await runStep(step, dryRun).catch((error) => {
      if (!step.isOptional) throw stopped(name, step, reports, error);
      return { what: step.what, state: "failed", why: errorText(error) } as const;
    });
    reports.push(report);
    tell(report);
  }
  return reports;
}

async function runStep(step: Step, dryRun: boolean): Promise<StepReport> {
  const { what } = step;
  if (await step.isDone()) return { what, state: "kept" };
  if (dryRun) return { what, state: "planned" };
  await step.act();
  return { what, state: "done" };
}

function stopped(
  name: string,
  { what }: Step,
  before: readonly StepReport[],
  error: unknown,
): PfwError {
  const done = before.filter(({ state }) => state === "done").map((report) => report.what);
  const so = done.length > 0 ? `done before: ${done.join(", ")}` : "nothing was changed";
  const next = `${so}; mend it and run \`pfw ${name}\` again, which goes on from here`;
  const isDenied = error instanceof Deno.errors.PermissionDenied;
  const exitCode = error instanceof PfwError
    ? error.exitCode
    : isDenied
    ? ExitCode.missing
    : ExitCode.failed;
  const why = printable(errorText(error));
  return new PfwError(`${name} stopped, cannot ${what}`, why, next, exitCode, { cause: error });
}
