/** Standard input as bytes, bounded. */
import { ExitCode, PfwError } from "../engine/errors.ts";
import { MAX_CONFIG_BYTES } from "../engine/policy/config_file.ts";

/** All of standard input; throws a PfwError (exit 2) past 64 MB. */
export async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of Deno.stdin.readable) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_CONFIG_BYTES) {
      const why = "there is more than 64 MB of it";
      throw new PfwError("cannot read standard input", why, "give less at once", ExitCode.usage);
    }
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
