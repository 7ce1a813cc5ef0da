/** The page as files: beside the program where it was built, made on the spot from the sources. */
import { PfwError } from "../engine/errors.ts";

/** A file as it is sent. */
export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Of the content: the browser asks whether it is still this one. */
  readonly tag: string;
}

/** What there is, by the path under which it is asked for. */
const FILES: Readonly<Record<string, readonly [name: string, type: string]>> = {
  "/": ["dashboard.html", "text/html; charset=utf-8"],
  "/dashboard.js": ["dashboard.js", "text/javascript; charset=utf-8"],
  "/dashboard.css": ["dashboard.css", "text/css; charset=utf-8"],
  "/dashboard.svg": ["dashboard.svg", "image/svg+xml"],
};

/** @throws PfwError where the page is not there */
export async function loadPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const [path, [name, type]] of Object.entries(FILES)) {
    const bytes = await read(name);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    files.set(path, { bytes, type, tag: `"${digest.toHex().slice(0, 32)}"` });
  }
  return files;
}

/** A built program has them beside itself, the sources in `dist/page`. */
const PLACES = ["./", "../dist/page/"];

async function read(name: string): Promise<Uint8Array<ArrayBuffer>> {
  for (const place of PLACES) {
    try {
      return await Deno.readFile(new URL(`${place}${name}`, import.meta.url));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new PfwError("no page to show", `${name} is not there`, "make it with deno task page");
}
