/** The kernel's main routing tables as `/proc/net/route` and `/proc/net/ipv6_route` show them. */
import { addressBits, type Family, maskWord, type Prefix } from "./address.ts";

/** A route that is up and does not refuse. */
export interface Route {
  readonly destination: Prefix;
  /** The next hop; absent where the destination is on the link itself. */
  readonly gateway?: Prefix;
}

/** RTF_UP, RTF_GATEWAY and RTF_REJECT of linux/route.h. */
const UP = 0x1, GATEWAY = 0x2, REJECT = 0x200;

/** Reads `/proc/net/route`: words in the byte order of the machine, which is little-endian here. */
export function parseRoutes4(text: string): Route[] {
  const routes: Route[] = [];
  for (const line of text.split("\n")) {
    const [, destination, gateway, flagsText, , , , mask] = line.trim().split(/\s+/);
    if (![destination, gateway, mask].every((hex) => /^[0-9A-Fa-f]{8}$/.test(hex ?? ""))) continue;
    const flags = parseInt(flagsText, 16);
    if ((flags & UP) === 0 || (flags & REJECT) !== 0) continue;
    const length = bitCount(littleEndian(mask));
    const route = prefixOf(4, [littleEndian(destination), 0, 0, 0], length);
    const hop = prefixOf(4, [littleEndian(gateway), 0, 0, 0], 32);
    routes.push(
      (flags & GATEWAY) === 0 ? { destination: route } : {
        destination: route,
        gateway: hop,
      },
    );
  }
  return routes;
}

/** Reads `/proc/net/ipv6_route`: 32 hex digits an address, lengths in hex. */
export function parseRoutes6(text: string): Route[] {
  const routes: Route[] = [];
  for (const line of text.split("\n")) {
    const [destination, length, , , gateway, , , , flagsText] = line.trim().split(/\s+/);
    if (![destination, gateway].every((hex) => /^[0-9a-fA-F]{32}$/.test(hex ?? ""))) continue;
    const flags = parseInt(flagsText, 16), bits = parseInt(length, 16);
    if ((flags & UP) === 0 || (flags & REJECT) !== 0 || !(bits <= 128)) continue;
    const route = prefixOf(6, words6(destination), bits);
    const hop = prefixOf(6, words6(gateway), 128);
    routes.push(
      (flags & GATEWAY) === 0 ? { destination: route } : {
        destination: route,
        gateway: hop,
      },
    );
  }
  return routes;
}

function prefixOf(family: Family, words: readonly number[], length: number): Prefix {
  const bits = Math.min(length, addressBits(family));
  const masked = words.map((word, at) => word & maskWord(bits - 32 * at));
  return { family, words: masked as unknown as Prefix["words"], length: bits };
}

/** The address whose bytes stand in memory order in a hex word of this machine. */
export function littleEndian(hex: string): number {
  const bytes = [6, 4, 2, 0].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return (bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];
}

function words6(hex: string): number[] {
  return [0, 8, 16, 24].map((at) => parseInt(hex.slice(at, at + 8), 16) | 0);
}

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest > 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}
