/** Real captures and feeds that lie beside a checkout on some machines; tests skip without them. */

const SHARED = new URL("../../../shared/", import.meta.url);

/** The path of a file or folder under `../shared`, or `undefined` where there is none. */
export function sharedPath(name: string): string | undefined {
  const path = new URL(name, SHARED).pathname;
  try {
    Deno.statSync(path);
    return path;
  } catch {
    return undefined;
  }
}

/** Whether a program can be run here. */
export function hasProgram(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}
