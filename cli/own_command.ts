/** The command line that starts this same pfw again. */

/** The words before pfw's own; the file that people run, where there is one. */
export function ownCommand(): string[] {
  const unpacked = Deno.env.get("PFW_EXECUTABLE");
  if (unpacked) return [unpacked];
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "--quiet", "--allow-all", Deno.mainModule];
}
