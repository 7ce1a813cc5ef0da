/** Asks the running pfw for a command, and passes its refusal on as it worded it. */
import { ask } from "../../engine/control/client.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import type { Paths } from "../../engine/paths.ts";
import { foreignText } from "./foreign_text.ts";

interface Refusal {
  readonly error?: string;
  readonly exitCode?: ExitCode;
}

/** Characters of an error that are shown. */
const LONGEST_ERROR = 1_000;

/**
 * The answer of the running pfw; `undefined` where none runs.
 *
 * @throws PfwError with the reason and the exit code that the running pfw gave
 */
export async function askRunning<T>(
  paths: Paths,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<T | undefined> {
  const answer = await ask<(T & Refusal) | null>(paths, method, path, body);
  if (!answer) return undefined;
  if (answer.status === 200 && answer.body !== null) return answer.body;
  const { error, exitCode } = answer.body ?? {};
  throw refusal(typeof error === "string" ? error : `it answered ${answer.status}`, exitCode);
}

function refusal(error: string, exitCode: ExitCode = ExitCode.failed): PfwError {
  const text = foreignText(error, LONGEST_ERROR);
  const end = text.indexOf(": ");
  if (end < 0) return new PfwError("the running pfw refused", text, "", exitCode);
  return new PfwError(text.slice(0, end), text.slice(end + 2), "", exitCode);
}
