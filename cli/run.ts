/** Runs one command line and turns every outcome into an exit code and, on failure, one line. */
import { CommanderError } from "commander";
import { errorText, ExitCode, PfwError } from "../engine/errors.ts";
import { programFor } from "./program_for.ts";

/** Returns the exit code; prints errors as `pfw: what failed: why; what to do`. */
export async function run(args: string[]): Promise<number> {
  try {
    const program = await programFor(args);
    await program.parseAsync(args, { from: "user" });
    return ExitCode.done;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return ExitCode.done;
    if (error.code === "commander.help") return ExitCode.usage;
    const why = error.message.replace(/^error: /, "").replace(/\n\(/, " (");
    console.error(`pfw: wrong usage: ${why}; see pfw --help`);
    return ExitCode.usage;
  }
  console.error(`pfw: ${errorText(error)}`);
  return error instanceof PfwError ? error.exitCode : ExitCode.failed;
}
