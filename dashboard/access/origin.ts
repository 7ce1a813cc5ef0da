/**
 * Whether a request comes from our own page. Browsers send cookies along with requests that other
 * pages make, and resolve names as their owners wish:
 *
 * - another page's request carries its own `Origin`, or `Sec-Fetch-Site` says so (also one of
 *   another port of the same host, which `SameSite` lets through);
 * - a name that was made to lead here (DNS rebinding) stands in `Host`. An address cannot be
 *   rebound, so every address is fine; a name only when it was configured.
 */

/** Names by which the page may be opened, beside addresses. */
const LOCAL_NAMES: readonly string[] = ["localhost"];

/** Judges headers. */
export class OwnOrigin {
  readonly #names: ReadonlySet<string>;
  readonly #scheme: "http" | "https";
  readonly #port: number;

  constructor(scheme: "http" | "https", port: number, names: readonly string[]) {
    this.#scheme = scheme;
    this.#port = port;
    this.#names = new Set([...LOCAL_NAMES, ...names.map((name) => name.toLowerCase())]);
  }

  /** Whether `Host` names this dashboard by an address or by one of its names. */
  isOwnHost(host: string | undefined): boolean {
    // A host and a port, nothing before and nothing after: `URL` would read more into it.
    if (host === undefined || !/^[\w.[\]:-]+$/.test(host)) return false;
    const parsed = parse(`${this.#scheme}://${host}`);
    if (!parsed) return false;
    const port = Number(parsed.port || (this.#scheme === "https" ? 443 : 80));
    return port === this.#port && (isAddress(parsed.hostname) || this.#names.has(parsed.hostname));
  }

  /** Whether the request comes from a page of this very host; programs that are no browser say nothing. */
  isOwn(headers: Headers, method: string): boolean {
    const host = headers.get("host") ?? "", origin = headers.get("origin");
    const site = headers.get("sec-fetch-site");
    if (origin !== null && origin !== `${this.#scheme}://${host}`) return false;
    if (site === null) return true;
    if (site === "same-origin") return true;
    // The person typed the address, or opened it from another program.
    return site === "none" && method === "GET";
  }
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** As `URL` writes them: IPv4 in its one form, IPv6 in brackets. */
function isAddress(hostname: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname) || /^\[[0-9a-f:.]+\]$/.test(hostname);
}
