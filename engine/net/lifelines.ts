/**
 * What this machine's operator depends on: the SSH sessions, the default gateways, the name
 * servers and the machine's own addresses. No automatic ban and no feed may touch them, and no
 * command cuts them unasked.
 */
import { formatPrefix, parsePrefix, parseSingle, type Prefix } from "./address.ts";
import type { InterfaceAddress } from "./local_addresses.ts";
import { type OwnEnd, ownEndTowards } from "./own_end.ts";
import { covers, PrefixList } from "./prefix_list.ts";
import { ProcFiles } from "./proc_files.ts";
import { parseNameservers } from "./resolv_conf.ts";
import { parseRoutes4, parseRoutes6, type Route } from "./routes.ts";
import {
  establishedSessions,
  ownSession,
  type ReadVariable,
  SESSION_TABLES,
  sessionsToKeep,
  type SshSession,
} from "./ssh_sessions.ts";

/** What must not be cut. */
export interface Lifelines {
  readonly sessions: readonly SshSession[];
  /** From where the dashboard is looked at. */
  readonly viewers?: readonly SshSession[];
  /** Next hops of the default routes. */
  readonly gateways: readonly Prefix[];
  /** Name servers elsewhere that a route leads to. */
  readonly resolvers: readonly Prefix[];
  /** The machine's own addresses, loopback left out. */
  readonly own: readonly Prefix[];
  /** Which of them it speaks from to gateways and name servers, where that is known. */
  readonly ends?: readonly End[];
}

/** Our end towards an address. */
export interface End {
  readonly peer: Prefix;
  readonly local: Prefix;
}

/** Where to look; the defaults are this machine. */
export interface LifelineSources {
  readonly proc?: ProcFiles;
  readonly readFile?: (path: string) => string;
  readonly environment?: ReadVariable;
  readonly interfaces?: readonly InterfaceAddress[];
  readonly ownEnd?: OwnEnd;
}

/** Finds everything. */
export function findLifelines(sources: LifelineSources = {}): Lifelines {
  return { sessions: findSessions(sources), ...findNetworkLifelines(sources) };
}

/** The same for who has something else to do meanwhile. */
export async function findLifelinesSoon(
  { root, ...sources }: Omit<LifelineSources, "proc"> & { readonly root?: string } = {},
): Promise<Lifelines> {
  return findLifelines({ ...sources, proc: await ProcFiles.ahead(SESSION_TABLES, root) });
}

/** Our own session, and all others where that does not tell enough. */
export function findSessions(sources: LifelineSources = {}): readonly SshSession[] {
  const proc = sources.proc ?? new ProcFiles();
  return sessionsToKeep(findOwnSession(sources), establishedSessions(proc));
}

/** The session of whoever runs this process. */
export function findOwnSession(sources: LifelineSources = {}): SshSession | undefined {
  const { proc = new ProcFiles(), environment = (name) => Deno.env.get(name) } = sources;
  return ownSession(proc, environment);
}

/** What the network namespace of this process depends on. */
export function findNetworkLifelines(sources: LifelineSources = {}): Omit<Lifelines, "sessions"> {
  const { proc = new ProcFiles(), readFile = readText, ownEnd = ownEndTowards } = sources;
  const routes = [
    ...parseRoutes4(proc.read("net/route")),
    ...parseRoutes6(proc.read("net/ipv6_route")),
  ];
  const gateways = distinct(
    routes.flatMap(({ destination, gateway }) =>
      destination.length === 0 && gateway ? [gateway] : []
    ),
  );
  const resolvers = findResolvers(readFile, routes);
  const own = (sources.interfaces ?? Deno.networkInterfaces())
    .map(({ address }) => parseSingle(address))
    .filter((address) => address !== undefined && !isLoopback(address));
  return {
    gateways,
    resolvers,
    own: distinct(own as Prefix[]),
    ends: [...gateways, ...resolvers].flatMap((peer) => {
      const local = ownEnd(peer);
      return local ? [{ peer, local }] : [];
    }),
  };
}

/** systemd-resolved's stub on loopback asks the servers of the second file. */
const RESOLV_CONF = "/etc/resolv.conf", RESOLVED_CONF = "/run/systemd/resolve/resolv.conf";

function findResolvers(readFile: (path: string) => string, routes: readonly Route[]): Prefix[] {
  const servers = parseNameservers(readFile(RESOLV_CONF));
  if (servers.some(isLoopback)) servers.push(...parseNameservers(readFile(RESOLVED_CONF)));
  // Where no route leads there is nothing to cut.
  return distinct(servers).filter((server) =>
    !isLoopback(server) && routes.some(({ destination }) => covers(destination, server))
  );
}

const LOOPBACK = ["127.0.0.0/8", "::1"].map((text) => parsePrefix(text)!);

/** Whether an address never leaves the machine. */
export function isLoopback(address: Prefix): boolean {
  return LOOPBACK.some((range) => covers(range, address));
}

/**
 * The addresses that survive every feed and every automatic ban: loopback, the machine's own,
 * gateways, name servers, the peers of SSH sessions and those who look at the dashboard.
 */
export function protectedAddresses(lifelines: Lifelines): PrefixList {
  const { sessions, viewers = [], gateways, resolvers, own } = lifelines;
  const peers = [...sessions, ...viewers].map(({ peer }) => peer);
  return PrefixList.from([...LOOPBACK, ...own, ...gateways, ...resolvers, ...peers]);
}

function distinct(addresses: readonly Prefix[]): Prefix[] {
  return [...new Map(addresses.map((address) => [formatPrefix(address), address])).values()];
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
