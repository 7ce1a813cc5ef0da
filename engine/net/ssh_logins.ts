/**
 * The SSH sessions that nothing acting by itself may cut. A mere connection to the server does not
 * count: who guesses passwords has one, and would be spared for it.
 */
import { formatPrefix } from "./address.ts";
import type { SshConnection, SshSession } from "./ssh_sessions.ts";

/**
 * Milliseconds after which a connection of which nothing else is known counts as a login: servers
 * end those without one before, OpenSSH after 120 s (`LoginGraceTime`), Dropbear after 300 s.
 */
const LONGEST_LOGIN = 330_000;

/** Remembers since when connections are there. Look regularly. */
export class SshLogins {
  /** Milliseconds at which each connection was first seen, of those that are still there. */
  #since: ReadonlyMap<string, number> | undefined;
  readonly #now: () => number;

  /** @param now milliseconds of a clock that nobody sets */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Those of the connections by which somebody has logged in. What was there at the first look and
   * does not tell counts as one: better spare a guesser for minutes than cut an operator off.
   */
  of(connections: readonly SshConnection[]): SshSession[] {
    const now = this.#now(), before = this.#since;
    const first = before === undefined ? -Infinity : now;
    const since = new Map<string, number>();
    for (const connection of connections) {
      const key = keyOf(connection);
      since.set(key, before?.get(key) ?? first);
    }
    this.#since = since;
    return connections.filter((connection) =>
      connection.isLoggedIn ?? now - since.get(keyOf(connection))! >= LONGEST_LOGIN
    );
  }
}

function keyOf({ peer, peerPort, localPort }: SshSession): string {
  return `${formatPrefix(peer)} ${peerPort} ${localPort}`;
}
