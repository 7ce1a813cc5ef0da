/** Hands the words of the command line over. */
import { run } from "./cli/run.ts";

if (import.meta.main) Deno.exit(await run(Deno.args));
