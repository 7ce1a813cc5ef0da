/**
 * Bundles `build/place.ts` into the folder that is named. A process of its own: the service that
 * esbuild starts ends some time after its work, which a test would take for a leak of its own.
 */
import { join } from "node:path";
import { bundle } from "../../build/bundle.ts";

await bundle([join(import.meta.dirname!, "../../build/place.ts")], Deno.args[0]);
