/** The dashboard's page for tests of the sources: a built pfw has it inside. */
import { stop } from "esbuild";
import { join } from "node:path";
import { bundlePage } from "../../build/page.ts";
import { pfwCommand, ROOT } from "./pfw.ts";

/** Makes it anew; to be awaited before any test of a file begins. */
export async function makePage(): Promise<void> {
  if (pfwCommand().kind === "built") return;
  const place = join(ROOT, "dist/page");
  // Test files run at the same time: none may read a file that another one is writing.
  const fresh = `${place}.${Deno.pid}.${crypto.randomUUID()}`;
  const names = await bundlePage(fresh);
  await stop();
  await Deno.mkdir(place, { recursive: true });
  for (const name of names) await Deno.rename(join(fresh, name), join(place, name));
  await Deno.remove(fresh);
}
