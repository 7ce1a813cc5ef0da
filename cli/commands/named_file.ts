/** A file that the command line names. */
import { type PfwError } from "../../engine/errors.ts";
import { usageError } from "../context.ts";

/** It is not there; unlike the configuration in use, pfw does not make it. */
export function noSuchFile(file: string): PfwError {
  return usageError(`cannot read ${file}`, "there is no such file", "check its name");
}
