/** Who holds a run directory: asked without taking anything from whoever does, or is about to. */
import { FileLock } from "../ffi/libc.ts";
import { ExitCode, PfwError } from "./errors.ts";
import type { Paths } from "./paths.ts";

/** Whether a pfw holds the run directory now: from before it reads anything until its very end. */
export function isRunDirectoryHeld({ lock }: Pick<Paths, "lock">): boolean {
  try {
    Deno.statSync(lock);
  } catch {
    // Who may not even look there is told so by the socket.
    return false;
  }
  try {
    return FileLock.isHeld(lock);
  } catch (cause) {
    const next = "run it as the user that started pfw (sudo)";
    const what = "cannot tell whether pfw runs";
    throw new PfwError(what, `${lock} cannot be opened`, next, ExitCode.missing, { cause });
  }
}

/** The process that holds it, as it wrote down; `unknown` where that cannot be read. */
export function holderOf({ lock }: Pick<Paths, "lock">): string {
  try {
    return /^\d+/.exec(Deno.readTextFileSync(lock))?.[0] ?? "unknown";
  } catch {
    return "unknown";
  }
}
