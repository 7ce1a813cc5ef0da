/** The dashboard's page for tests of the sources: a built pfw has it inside. */
import { join } from "node:path";
import { pfwCommand, ROOT } from "./pfw.ts";

/** Makes it anew; to be awaited before any test of a file begins. */
export async function makePage(): Promise<void> {
  if (pfwCommand().kind === "built") return;
  const place = join(ROOT, "dist/page");
  // Test files run at the same time: none may read a file that another one is writing.
  const fresh = `${place}.${Deno.pid}.${crypto.randomUUID()}`;
  // In a process of its own: esbuild leaves one behind, which a test would be blamed for.
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", join(ROOT, "build/page.ts"), fresh],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  await Deno.mkdir(place, { recursive: true });
  for (const { name } of Deno.readDirSync(fresh)) {
    await Deno.rename(join(fresh, name), join(place, name));
  }
  await Deno.remove(fresh);
}
