/** How the control socket answers: with what was asked for, or why not. */
import type { Context } from "hono";
import { errorText, ExitCode, PfwError } from "../errors.ts";

/** This pfw runs without that part. */
export class AbsentPart extends PfwError {}

/** Answers with what `work` gives, or with its error and what a command should end with for it. */
export async function respond(context: Context, work: () => unknown): Promise<Response> {
  try {
    return context.json(await work() as object);
  } catch (error) {
    const exitCode = error instanceof PfwError ? error.exitCode : ExitCode.failed;
    const status = error instanceof AbsentPart ? 404 : 422;
    return context.json({ error: errorText(error), exitCode }, status);
  }
}
