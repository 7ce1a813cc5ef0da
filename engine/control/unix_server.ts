/** HTTP on a Unix socket that only its owner may open. */
import { errorText, PfwError } from "../errors.ts";

/**
 * Serves until it is shut down; a leftover of a crashed run is replaced.
 *
 * @throws PfwError where it cannot listen there
 */
export function serveUnix(
  path: string,
  fetch: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.UnixAddr> {
  // Nobody else may open the socket, not even between its making and a chmod.
  const mask = Deno.umask(0o177);
  try {
    removeSocket(path);
    return Deno.serve({ path, onListen: () => {} }, fetch);
  } catch (error) {
    const next = "choose another directory with --run-dir";
    throw new PfwError(`cannot listen on ${path}`, errorText(error), next, undefined, {
      cause: error,
    });
  } finally {
    Deno.umask(mask);
  }
}

/** Removes a socket, where there is one. */
export function removeSocket(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
