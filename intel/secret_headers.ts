/** Headers with keys: where they are kept stands in the configuration, what they are does not. */
import { FeedError } from "./feed.ts";
import { fileProblem } from "./file_problem.ts";

/** Bytes that a file with a key may hold. */
const MAX_SECRET = 8 * 1024;

/** Where to look; for tests. */
export type ReadEnvironment = (name: string) => string | undefined;

/**
 * The headers with their values in place of where these are kept.
 *
 * @param headers values are `env:NAME` or `file:/path`
 * @throws FeedError that names the place, never the value
 */
export async function readSecretHeaders(
  headers: Readonly<Record<string, string>>,
  readEnv: ReadEnvironment = (name) => Deno.env.get(name),
): Promise<Headers> {
  const read = new Headers();
  for (const [name, place] of Object.entries(headers)) {
    const value = await readSecret(place, readEnv);
    // RFC 9110, section 5.5, without what is obsolete: nothing that could begin another header.
    if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
      throw new FeedError(`${place} for the header ${name} is not one line of plain ASCII`);
    }
    read.set(name, value);
  }
  return read;
}

async function readSecret(place: string, readEnv: ReadEnvironment): Promise<string> {
  const value = place.startsWith("env:")
    ? readEnv(place.slice(4))
    : await readSmallFile(place, place.replace(/^file:/, ""));
  if (value === undefined) throw new FeedError(`${place} is not set`);
  if (value.trim() === "") throw new FeedError(`${place} is empty`);
  return value.trim();
}

async function readSmallFile(place: string, path: string): Promise<string> {
  try {
    // A pipe would wait for a writer for ever.
    if (!(await Deno.stat(path)).isFile) throw new FeedError(`${place} is not a regular file`);
    using file = await Deno.open(path);
    const bytes = new Uint8Array(MAX_SECRET + 1);
    let length = 0;
    for (let read: number | null; (read = await file.read(bytes.subarray(length))); length += read);
    if (length > MAX_SECRET) throw new FeedError(`${place} is larger than ${MAX_SECRET} bytes`);
    return new TextDecoder().decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof FeedError) throw error;
    throw new FeedError(`cannot read ${place}: ${fileProblem(error)}`);
  }
}
