/**
 * Bundles the page of the dashboard into four flat files, which the program serves from beside
 * itself: `deno run -A build/page.ts [DIRECTORY]`, by default `dist/page`.
 */
import * as esbuild from "esbuild";
import { join } from "node:path";

const PAGE = join(import.meta.dirname!, "../dashboard/page");

/** Files of the page that stand for themselves, and the names that they get. */
const COPIES = [["index.html", "dashboard.html"], ["icon.svg", "dashboard.svg"]] as const;

/**
 * Writes the page into a directory, which may hold other files.
 *
 * @returns the names of its files
 */
export async function bundlePage(directory: string): Promise<string[]> {
  await writePage(directory);
  return ["dashboard.css", "dashboard.html", "dashboard.js", "dashboard.svg"];
}

/** Writes the page, and tells what went into it. */
export async function writePage(directory: string): Promise<esbuild.Metafile> {
  await Deno.mkdir(directory, { recursive: true });
  const { metafile } = await esbuild.build({
    entryPoints: [
      { in: join(PAGE, "main.tsx"), out: "dashboard" },
      { in: join(PAGE, "styles/page.css"), out: "dashboard" },
    ],
    outdir: directory,
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  for (const [from, to] of COPIES) {
    const text = await Deno.readTextFile(join(PAGE, from));
    await Deno.writeTextFile(join(directory, to), text.replace(/^\s+/gm, ""));
  }
  return metafile;
}

if (import.meta.main) {
  await bundlePage(Deno.args[0] ?? "dist/page");
  await esbuild.stop();
}
