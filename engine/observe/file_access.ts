/**
 * Whether a file may be used, found out without opening it: whoever closes a descriptor of a database
 * gives up the locks that SQLite holds on it for this process (sqlite.org/howtocorrupt.html, 2.2).
 */
import { accessSync, constants } from "node:fs";

const MODES = { read: constants.R_OK, write: constants.R_OK | constants.W_OK } as const;

/**
 * Returns where this process may do that with the file.
 *
 * @throws Deno.errors.NotFound or Deno.errors.PermissionDenied, or what node throws
 */
export function requireAccess(path: string, mode: keyof typeof MODES): void {
  try {
    accessSync(path, MODES[mode]);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new Deno.errors.NotFound(path, { cause: error });
    if (code === "EACCES" || code === "EPERM") {
      throw new Deno.errors.PermissionDenied(path, { cause: error });
    }
    throw error;
  }
}
