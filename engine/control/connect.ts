/** Reaches the running pfw by its socket, also one that is not there yet, or no more. */
import { ExitCode, PfwError } from "../errors.ts";
import type { Paths } from "../paths.ts";

/** Milliseconds for which a pfw that runs without answering is waited for: far longer than it takes. */
const PATIENCE = 30_000;

/** Milliseconds between two attempts, and after which a person is told why nothing happens. */
const STEP = 20, SILENCE = 1_000;

/**
 * A connection to the running pfw. The socket is there only between its start and its end; that
 * one runs shows by the lock of its run directory.
 *
 * @returns `undefined` where none runs
 * @throws PfwError where one runs that does not answer
 */
export async function connectRunning(
  paths: Pick<Paths, "socket" | "lock">,
  patience = PATIENCE,
): Promise<Deno.UnixConn | undefined> {
  const connection = await connect(paths.socket);
  if (connection || !isThere(paths.lock)) return connection;
  // Loaded only here: mostly it answers, or has never run.
  const { holderOf, isRunDirectoryHeld } = await import("../run_lock.ts");
  const begin = performance.now();
  for (let isTold = false;;) {
    if (!isRunDirectoryHeld(paths)) return undefined;
    const late = await connect(paths.socket);
    if (late) return late;
    const waited = performance.now() - begin;
    if (waited > patience) throw unanswering(paths, holderOf(paths));
    if (!isTold && waited > SILENCE) {
      console.error(`pfw: waiting for process ${holderOf(paths)}, a pfw that starts or ends`);
      isTold = true;
    }
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
}

function unanswering({ socket }: Pick<Paths, "socket">, holder: string): PfwError {
  const isKnown = holder !== "unknown";
  return new PfwError(
    "cannot reach the running pfw",
    `process ${holder} runs, and nobody answers on ${socket}`,
    isKnown ? `see its log, or end it with: kill ${holder}` : "see its log",
  );
}

/** `undefined` where nobody listens. */
async function connect(socket: string): Promise<Deno.UnixConn | undefined> {
  // Asked first: a connection that is refused takes longer than to look.
  if (!isThere(socket)) return undefined;
  try {
    return await Deno.connect({ transport: "unix", path: socket });
  } catch (error) {
    const { NotFound, NotADirectory, ConnectionRefused, PermissionDenied } = Deno.errors;
    if ([NotFound, NotADirectory, ConnectionRefused].some((kind) => error instanceof kind)) {
      return undefined;
    }
    if (error instanceof PermissionDenied) {
      throw new PfwError(
        `cannot reach the running pfw at ${socket}`,
        "permission denied",
        "run it as the user that started pfw (sudo)",
        ExitCode.missing,
      );
    }
    throw new PfwError(`no answer from the running pfw at ${socket}`, String(error));
  }
}

/** Whether there may be such a file: false only where there is certainly none. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}
