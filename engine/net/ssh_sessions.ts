/**
 * The SSH sessions that somebody may be working in: what the environment says (sshd(8)), that of
 * the processes above where sudo has cleaned ours, and the connections that sshd holds.
 */
import { formatPrefix, parseSingle, type Prefix, unmapped } from "./address.ts";
import type { ProcFiles } from "./proc_files.ts";
import { parseEstablished, type TcpConnection } from "./tcp_sockets.ts";

/** One connection of an SSH client to this machine. */
export interface SshSession {
  readonly peer: Prefix;
  readonly peerPort: number;
  /** This machine's end, where it is known: `SSH_CLIENT` does not tell. */
  readonly local?: Prefix;
  readonly localPort: number;
}

/** What is read of an environment. */
export type ReadVariable = (name: string) => string | undefined;

/** The session that `SSH_CONNECTION` or else `SSH_CLIENT` tells of; `undefined` for neither. */
export function sessionOfEnvironment(read: ReadVariable): SshSession | undefined {
  const [peer, peerPort, local, localPort] = (read("SSH_CONNECTION") ?? "").trim().split(/\s+/);
  if (localPort !== undefined) return sessionOf(peer, peerPort, localPort, local);
  const [address, port, ourPort] = (read("SSH_CLIENT") ?? "").trim().split(/\s+/);
  return ourPort === undefined ? undefined : sessionOf(address, port, ourPort);
}

function sessionOf(peerText: string, peerPort: string, localPort: string, localText?: string) {
  const peer = parseSingle(peerText);
  const local = localText === undefined ? undefined : parseSingle(localText);
  if (!peer || !isPort(peerPort) || !isPort(localPort)) return undefined;
  return {
    peer: unmapped(peer),
    peerPort: Number(peerPort),
    local: local && unmapped(local),
    localPort: Number(localPort),
  };
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535;
}

/** Processes above this one that are asked; nobody nests deeper. */
const ANCESTORS = 32;

/**
 * The session in whose environment this process, or the nearest above it, was started. Variables
 * that are set and empty say that there is none.
 */
export function ownSession(proc: ProcFiles, read: ReadVariable): SshSession | undefined {
  const own = sessionOfEnvironment(read);
  if (own || read("SSH_CONNECTION") !== undefined) return own;
  let pid = proc.parentOf("self");
  for (let depth = 0; depth < ANCESTORS && pid !== undefined && pid !== "0"; depth++) {
    const variables = environment(proc.read(`${pid}/environ`));
    const session = sessionOfEnvironment((name) => variables.get(name));
    if (session) return session;
    pid = proc.parentOf(pid);
  }
}

function environment(text: string): Map<string, string> {
  return new Map(
    text.split("\0").map((entry): [string, string] => {
      const at = entry.indexOf("=");
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

const SSH_PORT = 22;
/** OpenSSH (one process a session since 9.8: sshd-session, sshd-auth), Dropbear. */
const SSH_SERVERS = /^(sshd|dropbear)/;

/** A connection to an SSH server, and whether somebody has logged in by it. */
export interface SshConnection extends SshSession {
  /** `undefined` where the server does not tell. */
  readonly isLoggedIn: boolean | undefined;
}

/** The kernel's tables of TCP connections, in `/proc`. */
const TABLE4 = "net/tcp", TABLE6 = "net/tcp6";

/** What `establishedSessions` reads first, and longest. */
export const SESSION_TABLES = [TABLE4, TABLE6];

/** Every established connection to port 22 or to a process of an SSH server. */
export function establishedSessions(proc: ProcFiles): SshConnection[] {
  const connections = [
    ...parseEstablished(proc.read(TABLE4), 4),
    ...parseEstablished(proc.read(TABLE6), 6),
  ];
  if (connections.length === 0) return [];
  const logins = loginsOf(proc);
  // A server's own outgoing connections (forwarding) come from a port that the kernel chose.
  return connections
    .filter(({ localPort, inode }) =>
      localPort === SSH_PORT || (logins.has(inode) && localPort < FIRST_EPHEMERAL)
    )
    .map((connection) => ({
      ...toSession(connection),
      isLoggedIn: logins.get(connection.inode),
    }));
}

/** For each socket that a process of an SSH server holds, whether one of them is a login's. */
function loginsOf(proc: ProcFiles): Map<string, boolean | undefined> {
  const logins = new Map<string, boolean | undefined>();
  for (const pid of proc.processesNamed(SSH_SERVERS)) {
    const isLogin = isLoginTitle(proc.read(`${pid}/cmdline`));
    for (const inode of proc.socketsOf(pid)) {
      logins.set(inode, logins.get(inode) || isLogin);
    }
  }
  return logins;
}

/**
 * What OpenSSH calls its processes: `sshd: NAME@pts/0` or `sshd: NAME` once somebody is in; before
 * that `sshd: NAME [net]`, `[priv]`, `[accepted]`, `[preauth]`. Others tell nothing.
 */
function isLoginTitle(title: string): boolean | undefined {
  if (/^sshd-auth\b/.test(title)) return false;
  if (!/^sshd(-session)?: /.test(title)) return undefined;
  return !/ \[[a-z]+\]/.test(title);
}

/** net.ipv4.ip_local_port_range begins here unless changed. */
const FIRST_EPHEMERAL = 32768;

function toSession({ local, localPort, remote, remotePort }: TcpConnection): SshSession {
  return { peer: remote, peerPort: remotePort, local, localPort };
}

/**
 * The sessions that count: our own; where there is none, or it is stale (a terminal multiplexer
 * outlives the session that began it), all that are established.
 */
export function sessionsToKeep(
  own: SshSession | undefined,
  established: readonly SshSession[],
): readonly SshSession[] {
  if (!own) return established;
  return established.some((one) => isSameSession(one, own)) ? [own] : [own, ...established];
}

function isSameSession(a: SshSession, b: SshSession): boolean {
  return formatPrefix(a.peer) === formatPrefix(b.peer) && a.peerPort === b.peerPort &&
    a.localPort === b.localPort;
}
