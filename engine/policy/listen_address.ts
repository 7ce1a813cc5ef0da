/** Where the dashboard listens: an address of this machine and a port. */
import { formatPrefix, parseSingle } from "../net/address.ts";
import { quote } from "./field_problems.ts";

/** An address and a port. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
  /** Whether only this machine gets there. */
  readonly isLocal: boolean;
}

/** Unless the configuration or the command line says otherwise. */
export const DEFAULT_LISTEN = "127.0.0.1:8787";

/** Reads `127.0.0.1:8787`, `[::1]:8787` or `localhost:8787`; `undefined` for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const address = parseSingle((match?.[1] ?? match?.[2] ?? "").replace(/^localhost$/, "127.0.0.1"));
  if (!address || !(port >= 1 && port <= 65_535)) return undefined;
  const hostname = formatPrefix(address).replace(/\/\d+$/, "");
  const isLocal = hostname === "::1" || (address.family === 4 && hostname.startsWith("127."));
  return { hostname, port, isLocal };
}

/** Wants an address and a port. */
export function listenProblem(text: string): string | undefined {
  if (parseListenAddress(text)) return undefined;
  return `${quote(text)} is not an address and a port like ${DEFAULT_LISTEN} or [::1]:8787`;
}

/** As it stands in the address bar of a browser. */
export function urlOf({ hostname, port }: ListenAddress, isSecure: boolean): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${isSecure ? "https" : "http"}://${host}:${port}/`;
}
