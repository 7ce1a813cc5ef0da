/** Runs one command line and turns every outcome into an exit code and, on failure, one line. */
import { type Command, CommanderError } from "commander";
import { ExitCode } from "../engine/errors.ts";
import { programFor } from "./program_for.ts";

/** Returns the exit code; prints errors as `pfw: what failed: why; what to do`. */
export async function run(args: string[]): Promise<number> {
  let program: Command | undefined;
  try {
    program = await programFor(args);
    await program.parseAsync(args, { from: "user" });
    return ExitCode.done;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.done;
    const { reportError } = await import("./report_error.ts");
    return reportError(error, program, args);
  }
}
