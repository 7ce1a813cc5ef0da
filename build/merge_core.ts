/**
 * Makes one file of a bundled program and the chunk that it begins with: each file that is loaded
 * takes most of a millisecond of every start.
 */
import { basename, join } from "node:path";

/** The one import that esbuild leaves in such an entry point. */
const IMPORT = /^import ?\{([\w, ]+)\} ?from ?"(\.\/chunk-\w+\.js)";/m;

/**
 * Merges `<entry>.js` with the chunk that it imports, when it imports one and nothing else, and the
 * names are those that the chunk itself has. Other files then import from the entry point: it must
 * not wait for them while it is evaluated.
 *
 * @param banner what stands first in every file, once is enough
 * @returns whether it was done
 */
export async function mergeCore(
  directory: string,
  entry: string,
  banner: string,
): Promise<boolean> {
  const file = join(directory, `${entry}.js`);
  const program = await Deno.readTextFile(file);
  const found = IMPORT.exec(program);
  if (!found || program.match(/^import ?[{*\w"]/gm)!.length > importsIn(banner) + 1) return false;
  const [whole, names, from] = found;
  const chunk = join(directory, basename(from));
  const core = await Deno.readTextFile(chunk);
  if (!names.split(",").every((name) => isExportedAs(core, name.trim()))) return false;
  await Deno.writeTextFile(file, core + program.replace(banner, "").replace(whole, ""));
  await Deno.remove(chunk);
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.endsWith(".js")) continue;
    const path = join(directory, name), text = await Deno.readTextFile(path);
    const moved = text.replaceAll(JSON.stringify(from), JSON.stringify(`./${entry}.js`));
    if (moved !== text) await Deno.writeTextFile(path, moved);
  }
  return true;
}

function importsIn(text: string): number {
  return text.match(/^import /gm)?.length ?? 0;
}

/** Whether a module exports a name that is also the one that it uses itself. */
function isExportedAs(module: string, name: string): boolean {
  const clauses = [...module.matchAll(/export ?\{([^}]*)\}/g)].map(([, list]) => list);
  return clauses.some((list) => list.split(",").some((one) => one.trim() === name));
}
