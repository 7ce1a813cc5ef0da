/** Which pfw the tests run: the sources, or the built file that `$PFW_BIN` names. */
import { join } from "node:path";

/** The repository's folder. */
export const ROOT: string = join(import.meta.dirname!, "../..");

/** A command line that runs pfw. */
export interface PfwCommand {
  /** The words before pfw's own, with absolute paths: it runs from any directory. */
  readonly argv: readonly string[];
  readonly kind: "built" | "source";
}

/** The pfw under test. */
export function pfwCommand(): PfwCommand {
  const built = Deno.env.get("PFW_BIN");
  if (built) return { argv: [Deno.realPathSync(built)], kind: "built" };
  // Without --quiet Deno may speak on standard error, where tests expect pfw alone.
  const argv = [Deno.execPath(), "run", "--quiet", "--allow-all", join(ROOT, "main.ts")];
  return { argv, kind: "source" };
}
