/** What `pfw --version` says. */

/** The version of pfw. */
export const VERSION = "0.1.0";

/** Version, how this file was built, and the runtime in it. */
export function versionText(version: string): string {
  return `pfw ${version} (${buildKind()}, deno ${Deno.version.deno})`;
}

/** `compiled`: by `deno compile`. `self-extracting`: deno and the bundle in one file. */
export function buildKind(): "compiled" | "self-extracting" | "source" {
  if (Deno.env.get("PFW_SELF_EXTRACTED")) return "self-extracting";
  return Deno.build.standalone ? "compiled" : "source";
}
