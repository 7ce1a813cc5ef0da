/** Who holds a run directory: asked without taking anything from whoever does, or is about to. */
import { basename, dirname, join, resolve } from "node:path";
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
  return /^\d+$/.exec(notesOf(lock)[0])?.[0] ?? "unknown";
}

/** Whether a pfw runs that has read this configuration. */
export function isConfigInUse({ config, lock }: Pick<Paths, "config" | "lock">): boolean {
  return notesOf(lock)[1] === placeOf(config) && isRunDirectoryHeld({ lock });
}

/** Notes for others which configuration was read; by whoever holds the lock. */
export function noteConfig({ config, lock }: Pick<Paths, "config" | "lock">): void {
  Deno.writeTextFileSync(lock, `${placeOf(config)}\n`, { append: true });
}

/** The lines that its holder wrote: the process, and the configuration once it was read. */
function notesOf(lock: string): string[] {
  try {
    return Deno.readTextFileSync(lock).split("\n");
  } catch {
    return [""];
  }
}

/** One name for a file, which need not be there, nor its directory, by whatever way to it. */
function placeOf(file: string): string {
  const path = resolve(file);
  for (let there = dirname(path), rest = basename(path);;) {
    try {
      return join(Deno.realPathSync(there), rest);
    } catch {
      if (there === dirname(there)) return path;
      rest = join(basename(there), rest);
      there = dirname(there);
    }
  }
}
