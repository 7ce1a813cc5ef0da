/** A file that the command line names; `-` is standard input. */
import { type PfwError } from "../../engine/errors.ts";
import { isAbsence, readConfigText } from "../../engine/policy/config_file.ts";
import { decodeText } from "../../engine/policy/decode_text.ts";
import { ConfigError } from "../../engine/policy/problem.ts";
import { usageError } from "../context.ts";
import { readStandardInput } from "../standard_input.ts";

/** It is not there; unlike the configuration in use, pfw does not make it. */
export function noSuchFile(file: string): PfwError {
  return usageError(`cannot read ${file}`, "there is no such file", "check its name");
}

/** How messages call it. */
export function shownName(file: string): string {
  return file === "-" ? "standard input" : file;
}

/**
 * The text of a file that may serve as configuration, or of standard input.
 *
 * @throws as `readConfigText`; PfwError (exit 2) where there is no such file
 */
export async function readNamedText(file: string): Promise<string> {
  if (file === "-") return await readInput();
  if (file === "") throw usageError("wrong usage", "the name of the file is empty", "name a file");
  return await readConfigText(file).catch((error) => {
    throw isAbsence(error) ? noSuchFile(file) : error;
  });
}

async function readInput(): Promise<string> {
  const decoded = decodeText(await readStandardInput());
  if (decoded.ok) return decoded.text;
  const { line, why: message } = decoded;
  throw new ConfigError(shownName("-"), [{ path: "", line, column: 1, message }]);
}
