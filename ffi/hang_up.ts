/**
 * Ends TCP connections of this process by who is at their other end. A TLS connection that is closed
 * amid its handshake stays open beneath, until the other side goes on or goes away: whoever does
 * neither would take one file descriptor after another.
 */
import { libc } from "./libc.ts";

/** `AF_INET`, `AF_INET6` and `SHUT_RDWR` of the C headers. */
const AF_INET = 2, AF_INET6 = 10, SHUT_RDWR = 2;

/** `struct sockaddr_in6`, the longer one of the two. */
const LONGEST_ADDRESS = 28;

/**
 * Shuts down each connection that is wanted.
 *
 * @param isWanted asked with the address of the other end, 4 or 16 bytes, and its port
 * @returns how many there were
 */
export function hangUp(isWanted: (address: Uint8Array, port: number) => boolean): number {
  const { getpeername, shutdown } = libc();
  const address = new Uint8Array(LONGEST_ADDRESS), view = new DataView(address.buffer);
  const length = new Uint32Array(1);
  let count = 0;
  for (const { name } of [...Deno.readDirSync("/proc/self/fd")]) {
    const fd = Number(name);
    length[0] = LONGEST_ADDRESS;
    if (getpeername(fd, address, length) !== 0) continue;
    // The family is in the order of this machine, all of which are little-endian.
    const family = view.getUint16(0, true), port = view.getUint16(2);
    if (family !== AF_INET && family !== AF_INET6) continue;
    const peer = family === AF_INET ? address.subarray(4, 8) : address.subarray(8, 24);
    if (isWanted(peer, port) && shutdown(fd, SHUT_RDWR) === 0) count++;
  }
  return count;
}
