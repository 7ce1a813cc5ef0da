/** What no feed and no automatic ban may touch, as it is now: sessions and addresses come and go. */
import { findNetworkLifelines, findOwnSession, protectedAddresses } from "./net/lifelines.ts";
import { PrefixList } from "./net/prefix_list.ts";
import { ProcFiles } from "./net/proc_files.ts";
import { SshLogins } from "./net/ssh_logins.ts";
import type { Viewers } from "./net/viewers.ts";
import { establishedSessions } from "./net/ssh_sessions.ts";

/** Milliseconds for which an answer holds: finding it reads tables of the kernel. */
const LIFETIME = 1_000;

/** The protected addresses of this machine. */
export class Protected {
  readonly #find: () => PrefixList;
  #list: PrefixList = PrefixList.EMPTY;
  #foundAt = -Infinity;
  #whitelist: PrefixList = PrefixList.EMPTY;
  #both: PrefixList | undefined;

  /** @param find gives what this machine and its operator depend on: `lifelinesWithLogins` */
  constructor(find: () => PrefixList) {
    this.#find = find;
  }

  /** What is always allowed is never banned either. */
  setWhitelist(whitelist: PrefixList): void {
    this.#whitelist = whitelist;
    this.#both = undefined;
  }

  /** What the machine and its operator depend on; the same object as long as it does not change. */
  lifelines(): PrefixList {
    if (performance.now() - this.#foundAt > LIFETIME) {
      this.#foundAt = performance.now();
      const found = this.#find();
      if (!isEqual(found, this.#list)) {
        this.#list = found;
        this.#both = undefined;
      }
    }
    return this.#list;
  }

  /** The same and the whitelist. */
  all(): PrefixList {
    const lifelines = this.lifelines();
    this.#both ??= PrefixList.from([
      ...[lifelines, this.#whitelist].flatMap((list) => [...list.prefixes(4), ...list.prefixes(6)]),
    ]);
    return this.#both;
  }
}

/**
 * What `findLifelines` finds, with all SSH sessions by which somebody has logged in, and only
 * those, and with whoever looks at the dashboard.
 */
export function lifelinesWithLogins(viewers: Viewers): () => PrefixList {
  const logins = new SshLogins();
  return () => {
    const own = findOwnSession();
    const sessions = logins.of(establishedSessions(new ProcFiles()));
    return protectedAddresses({
      ...findNetworkLifelines(),
      sessions: own ? [own, ...sessions] : sessions,
      viewers: viewers.now(),
    });
  };
}

function isEqual(a: PrefixList, b: PrefixList): boolean {
  const columns = (list: PrefixList) => [list.v4, list.v4Lengths, list.v6, list.v6Lengths];
  const others = columns(b);
  return columns(a).every((column, at) =>
    column.length === others[at].length && column.every((word, index) => word === others[at][index])
  );
}
