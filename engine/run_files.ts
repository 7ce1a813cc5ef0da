/** The directories of a running pfw and the lock that keeps a second one out. */
import { dirname, join } from "node:path";
import { FileLock } from "../ffi/libc.ts";
import { errorText, ExitCode, PfwError, systemReason } from "./errors.ts";
import type { Paths } from "./paths.ts";
import { holderOf } from "./run_lock.ts";

/** Makes the directories that pfw writes to; those that hold secrets are for the owner alone. */
export function makeDirectories(paths: Paths): void {
  makeDirectory(dirname(paths.config), 0o755);
  makeDirectory(paths.dataDir, 0o700);
  makeDirectory(paths.logDir, 0o750);
  makeDirectory(paths.runDir, 0o700);
}

function makeDirectory(path: string, mode: number): void {
  try {
    Deno.mkdirSync(path, { recursive: true, mode });
  } catch (error) {
    const isDenied = error instanceof Deno.errors.PermissionDenied;
    const isTaken = error instanceof Deno.errors.AlreadyExists;
    throw new PfwError(
      `cannot make the directory ${path}`,
      isTaken ? "there is something else of that name" : systemReason(error),
      `${isDenied ? "run it with sudo, or " : ""}choose another directory (see --help)`,
      isDenied ? ExitCode.missing : ExitCode.failed,
      { cause: error },
    );
  }
}

/** Attempts to take the lock, milliseconds apart: who only asks for it has it for a moment. */
const ATTEMPTS = 10, STEP = 20;

/** Holds the run directory for this process. Throws PfwError where another pfw holds it. */
export async function lockRunDirectory(paths: Paths): Promise<FileLock> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const lock = tryLock(paths.lock);
    if (lock) {
      Deno.writeTextFileSync(paths.lock, `${Deno.pid}\n`);
      return lock;
    }
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
  throw new PfwError(
    "cannot start",
    `pfw is already running (process ${holderOf(paths)})`,
    "see `pfw status`, or end it with `pfw stop`",
  );
}

function tryLock(path: string): FileLock | undefined {
  try {
    return FileLock.tryAcquire(path);
  } catch (error) {
    const isDenied = isOpeningDenied(path);
    throw new PfwError(
      `cannot lock ${path}`,
      isDenied ? "permission denied" : errorText(error),
      isDenied ? "run it with sudo, or choose another directory with --run-dir" : "",
      isDenied ? ExitCode.missing : ExitCode.failed,
      { cause: error },
    );
  }
}

/** What libc does not say when it cannot open the file. */
function isOpeningDenied(path: string): boolean {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}

/** Where the enforcer remembers what it must undo after a crash. */
export function kernelStateFile(paths: Paths): string {
  return join(paths.runDir, "kernel_state.json");
}
