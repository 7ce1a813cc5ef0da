/** Prometheus' own judge, where it is installed (Debian: the package `prometheus`). */

/** What a test's name ends in where it is left out. */
export const promtoolProblem: string | undefined = await findProblem();

async function findProblem(): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command("promtool", { args: ["--version"] }).output();
    return success ? undefined : "promtool fails";
  } catch {
    return "no promtool here";
  }
}

/** Runs it; `said` is what it wrote. */
export async function promtool(
  args: string[],
  input = "",
): Promise<{ code: number; said: string }> {
  const process = new Deno.Command("promtool", {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = process.output();
  await new Response(input).body!.pipeTo(process.stdin);
  const { code, stdout, stderr } = await output;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, said: text(stdout) + text(stderr) };
}
