/** Bundles the program, its page and their npm packages: fewer files, a faster start. */
import * as esbuild from "esbuild";
import { basename, dirname, join, resolve } from "node:path";
import { mergeCore } from "./merge_core.ts";
import { writePage } from "./page.ts";

/**
 * What nearly every command needs. It becomes one chunk: each file that is loaded takes most of a
 * millisecond, whatever its size, and esbuild would make one of every set of modules that the same
 * commands share.
 */
const CORE = ["cli/run.ts", "cli/commands/rules.ts", "cli/commands/rules_list.ts"];

/** What changes need, and much of which most commands do that load more than the core: one more. */
const OFTEN = ["cli/commands/rules_edit.ts", "cli/commands/lists_edit.ts"];

/**
 * Bundles entry points, e.g. `main.ts`, into JavaScript modules of the same names, and beside them
 * the page of the dashboard, which `main.js` serves from there.
 *
 * Code that a command loads when it is called becomes a chunk of its own. Of our sources blanks
 * and comments go, and what can be said shorter is, for a faster start: a stack trace has the names,
 * and lines to look at.
 *
 * @returns the names of the files in `directory`, which holds nothing else afterwards
 */
export async function bundle(entryPoints: readonly string[], directory: string): Promise<string[]> {
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  const packages: string[] = [];
  // One after another: what both need would become a chunk of its own.
  for (const entryPoint of entryPoints) {
    const options = settings(entryPoint, directory);
    const draft = await esbuild.build({ ...options, write: false });
    const plugins = [withCore(entryPoint, draft), smallPackages()];
    const { metafile } = await esbuild.build({ ...options, plugins });
    packages.push(...packageFolders(metafile));
    await mergeCore(directory, basename(entryPoint, ".ts"), BANNER);
  }
  packages.push(...packageFolders(await writePage(directory)));
  await esbuild.stop();
  await Deno.writeTextFile(join(directory, "LICENSES.txt"), await licenses(packages));
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}

/** CommonJS packages ask for node's modules with `require`, which a module does not have. */
const BANNER = 'import { createRequire as __createRequire } from "node:module";\n' +
  "const require = __createRequire(import.meta.url);";

function settings(entryPoint: string, directory: string) {
  return {
    entryPoints: [entryPoint],
    outdir: directory,
    entryNames: "[name]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    // Some packages' CommonJS (UMD) asks for files by a `require` that no bundler can follow.
    mainFields: ["module", "main"],
    target: "es2024",
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 120,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    banner: { js: BANNER },
  } satisfies esbuild.BuildOptions;
}

type Draft = esbuild.BuildResult<{ metafile: true }>;

/** The files of ours that are loaded when a command is called. */
function loadedLater({ metafile }: Draft): Set<string> {
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  const later = imports.filter(({ kind, external }) => kind === "dynamic-import" && !external);
  return new Set(later.map(({ path }) => resolve(path)));
}

/** The files that are loaded with any of these. */
function loadedWith({ metafile }: Draft, paths: readonly string[]): Set<string> {
  const found = new Set(paths);
  for (const path of found) {
    for (const { kind, path: next, external } of metafile.inputs[path]?.imports ?? []) {
      if (kind === "import-statement" && !external) found.add(next);
    }
  }
  return new Set([...found].map((path) => resolve(path)));
}

/**
 * Has the program, and each file that it loads later, import the core first, and those that are not
 * in it what most of them need. Then all of it is reached from the same places, which makes each of
 * the two one chunk. Nothing in them acts when it is loaded.
 */
function withCore(entryPoint: string, draft: Draft): esbuild.Plugin {
  const importing = (paths: readonly string[]) =>
    paths.map((path) => `import ${JSON.stringify(resolve(path))};\n`).join("");
  const later = loadedLater(draft), core = loadedWith(draft, [entryPoint, ...CORE]);
  const prefixOf = (path: string) => {
    if (later.has(path) && !core.has(path)) return importing([...CORE, ...OFTEN]);
    const isFirst = path === resolve(entryPoint) && later.size > 0;
    return isFirst || later.has(path) ? importing(CORE) : undefined;
  };
  return {
    name: "core",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const prefix = prefixOf(path);
        if (prefix === undefined) return undefined;
        return { contents: prefix + await Deno.readTextFile(path), loader: "ts" };
      });
    },
  };
}

/** Packages are minified: much of what a start takes is reading them, comments included. */
function smallPackages(): esbuild.Plugin {
  return {
    name: "small packages",
    setup(build) {
      build.onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path }) => {
        const source = await Deno.readTextFile(path);
        const { code } = await esbuild.transform(source, {
          minify: true,
          legalComments: "none",
          target: "es2024",
        });
        return { contents: code, loader: "js" };
      });
    },
  };
}

/** The licences of the packages in a bundle: what they ask of whoever gives copies away. */
async function licenses(folders: readonly string[]): Promise<string> {
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

/** The folders of the packages that files came from. */
function packageFolders({ inputs }: esbuild.Metafile): string[] {
  return Object.keys(inputs)
    .map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((path) => path !== undefined);
}
