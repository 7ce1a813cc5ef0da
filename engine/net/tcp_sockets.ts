/** The TCP sockets of this network namespace as `/proc/net/tcp` and `/proc/net/tcp6` show them. */
import { type Family, type Prefix, unmapped } from "./address.ts";
import { littleEndian } from "./routes.ts";

/** An established connection. */
export interface TcpConnection {
  readonly local: Prefix;
  readonly localPort: number;
  readonly remote: Prefix;
  readonly remotePort: number;
  /** By which `/proc/PID/fd` names the socket. */
  readonly inode: string;
}

/** TCP_ESTABLISHED of net/tcp_states.h. */
const ESTABLISHED = "01";

/** At most so many connections are looked at; a machine with more has no time for it. */
const LIMIT = 200_000;

/** The established connections of one of the two files. IPv4 in IPv6 is the IPv4 it stands for. */
export function parseEstablished(text: string, family: Family): TcpConnection[] {
  const digits = family === 4 ? 8 : 32;
  const found: TcpConnection[] = [];
  for (const line of text.split("\n", LIMIT)) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] !== ESTABLISHED) continue;
    const local = endpoint(fields[1], digits), remote = endpoint(fields[2], digits);
    if (!local || !remote) continue;
    found.push({
      local: local.address,
      localPort: local.port,
      remote: remote.address,
      remotePort: remote.port,
      inode: fields[9] ?? "",
    });
  }
  return found;
}

function endpoint(text: string, digits: number): { address: Prefix; port: number } | undefined {
  const [hex, port] = text.split(":");
  if (hex.length !== digits || !/^[0-9A-Fa-f]+$/.test(hex)) return undefined;
  if (!/^[0-9A-Fa-f]{4}$/.test(port ?? "")) return undefined;
  const words = [0, 8, 16, 24].map((at) => at < digits ? littleEndian(hex.slice(at, at + 8)) : 0);
  const address: Prefix = {
    family: digits === 8 ? 4 : 6,
    words: words as unknown as Prefix["words"],
    length: digits * 4,
  };
  return { address: unmapped(address), port: parseInt(port, 16) };
}
