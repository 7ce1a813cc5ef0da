/** Hands the words of the command line over. */
import { run } from "./cli/run.ts";

// Not awaited here: what a command loads imports from this very file, once all is one bundle.
if (import.meta.main) run(Deno.args).then(Deno.exit);
