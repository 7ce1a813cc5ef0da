/** Bundles the program and its npm packages into `dist/`: fewer files, a faster start. */
import * as esbuild from "esbuild";
import { dirname, join } from "node:path";

/**
 * Bundles entry points, e.g. `main.ts`, into JavaScript modules of the same names.
 *
 * Code that a command loads when it is called becomes a chunk of its own. Sources are bundled as
 * they are, neither minified nor renamed, so that a stack trace can be read.
 *
 * @returns the names of the files in `directory`, which holds nothing else afterwards
 */
export async function bundle(entryPoints: readonly string[], directory: string): Promise<string[]> {
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  const result = await esbuild.build({
    entryPoints: [...entryPoints],
    outdir: directory,
    entryNames: "[name]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    // Some packages' CommonJS (UMD) asks for files by a `require` that no bundler can follow.
    mainFields: ["module", "main"],
    target: "es2024",
    keepNames: true,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    // CommonJS packages ask for node's modules with `require`, which a module does not have.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module";\n' +
        "const require = __createRequire(import.meta.url);",
    },
  });
  await esbuild.stop();
  await Deno.writeTextFile(join(directory, "LICENSES.txt"), await licenses(result.metafile));
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}

/** The licences of the packages in a bundle: what they ask of whoever gives copies away. */
async function licenses(metafile: esbuild.Metafile): Promise<string> {
  const folders = Object.keys(metafile.inputs)
    .map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((path) => path !== undefined);
  const texts: string[] = [];
  for (const folder of [...new Set(folders)].sort()) {
    texts.push(`${folder.split("node_modules/").at(-1)}\n\n${await licenseIn(folder)}\n`);
  }
  return [`pfw\n\n${await licenseIn(dirname(import.meta.dirname!))}\n`, ...texts].join("\n---\n\n");
}

async function licenseIn(folder: string): Promise<string> {
  for await (const entry of Deno.readDir(folder)) {
    if (!/^licen[cs]e(\.\w+)?$/i.test(entry.name)) continue;
    return (await Deno.readTextFile(join(folder, entry.name))).trim();
  }
  const manifest = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  return `License: ${manifest.license}`;
}
