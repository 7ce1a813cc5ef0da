/** Where feeds may come from, and how an address is shown: a query may hold a key. */
import { fileURLToPath } from "node:url";
import { parseSingle } from "../engine/net/address.ts";
import { FeedError } from "./feed.ts";
import { specialCause4, specialCause6 } from "./special_ranges.ts";

/** An address without what may be secret: user, password, query and fragment. */
export function shownUrl(url: string | URL): string {
  const text = String(url);
  if (!URL.canParse(text)) return "(not a URL)";
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}

/**
 * The address of a configured feed.
 *
 * @throws FeedError for anything but https, file, and http where that is allowed
 */
export function feedUrl(text: string, allowInsecure: boolean): URL {
  if (!URL.canParse(text)) throw new FeedError("its address is not a URL");
  const url = new URL(text);
  if (url.protocol === "file:") return url;
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new FeedError(`${url.protocol} addresses are not taken`);
  }
  if (url.protocol === "http:" && !allowInsecure && !isLoopbackHost(url)) {
    throw new FeedError("plain http is refused: set allow_insecure");
  }
  return withoutUser(url);
}

/**
 * Where a redirect leads.
 *
 * @throws FeedError where it leads to what may not be asked
 */
export function redirectTarget(from: URL, location: string | null, allowInsecure: boolean): URL {
  if (location === null || location.length > 2000 || !URL.canParse(location, from)) {
    throw new FeedError("redirected to no address");
  }
  const to = new URL(location, from);
  // A publisher elsewhere has no business with what only this machine can reach: its own services,
  // its neighbours', the credentials that clouds hand out at 169.254.169.254. A name that leads
  // there is taken: what is sent has no key in it, and what comes back goes nowhere.
  if (isInsideHost(to) && !isInsideHost(from)) {
    throw new FeedError("redirected to an address that is not on the internet");
  }
  if (to.protocol === "https:") return withoutUser(to);
  if (to.protocol !== "http:") throw new FeedError(`redirected to a ${to.protocol} address`);
  const staysHere = from.protocol === "http:" && isLoopbackHost(from) && isLoopbackHost(to);
  if (!allowInsecure && !staysHere) throw new FeedError("redirected to plain http");
  return withoutUser(to);
}

/**
 * The path of a `file:` address.
 *
 * @throws FeedError for one of another machine
 */
export function filePath(url: URL): string {
  try {
    const path = fileURLToPath(url);
    if (!path.includes("\0")) return path;
  } catch {
    // Another machine, or a slash in disguise.
  }
  throw new FeedError("its address names no file of this machine");
}

function isLoopbackHost({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/** Whether a host stands for this machine or one of its private networks, by its address. */
function isInsideHost(url: URL): boolean {
  if (isLoopbackHost(url)) return true;
  const address = parseSingle(url.hostname.replace(/^\[|\]$/g, ""));
  if (!address) return /(^|\.)localhost\.?$/.test(url.hostname);
  const cause = address.family === 4 ? specialCause4(address.words[0], 32) : specialCause6(address);
  return cause !== undefined;
}

function withoutUser(url: URL): URL {
  url.username = url.password = "";
  return url;
}
