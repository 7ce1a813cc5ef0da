/** The secret that opens the dashboard: made once, and read by whoever may read root's files. */
import { createHash, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { createAtomically } from "../../engine/atomic_file.ts";
import { errorText, PfwError } from "../../engine/errors.ts";

/** 256 bits: nobody guesses that. */
const TOKEN_BYTES = 32;
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** Where the token is kept, mode 0600; who removes the file has everybody sign in again. */
export function tokenFile(dataDir: string): string {
  return join(dataDir, "dashboard.token");
}

/**
 * The token, made at the first call.
 *
 * @throws PfwError where the file can neither be read nor made, or others may read it
 */
export async function loadToken(dataDir: string): Promise<string> {
  const path = tokenFile(dataDir);
  try {
    const text = await readToken(path);
    if (text !== undefined) return text;
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES))
      .toBase64({ alphabet: "base64url", omitPadding: true });
    await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
    await createAtomically(path, `${token}\n`, 0o600);
    return token;
  } catch (error) {
    if (error instanceof PfwError) throw error;
    throw new PfwError("no token for the dashboard", `${path}: ${errorText(error)}`);
  }
}

async function readToken(path: string): Promise<string | undefined> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // Its owner reads it, whatever its mode.
  const isForeign = info.uid !== null && info.uid !== Deno.uid();
  if (isForeign || ((info.mode ?? 0) & 0o077) !== 0) {
    throw new PfwError(
      "no token for the dashboard",
      `others may read ${path}`,
      "remove it: the next start makes a new one",
    );
  }
  const token = (await Deno.readTextFile(path)).trim();
  if (TOKEN_PATTERN.test(token)) return token;
  throw new PfwError(
    "no token for the dashboard",
    `${path} does not hold one`,
    "remove it: the next start makes a new one",
  );
}

/** Compares two texts in a time that tells nothing of where they differ. */
export function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
