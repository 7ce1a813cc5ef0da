/**
 * Fetches a feed: asks whether it changed, follows redirects with care, and reads it piece by
 * piece. It runs in the process that handles packets: no slice takes longer than some
 * milliseconds, and the text is never in memory as a whole.
 */
import { type FeedContent, FeedError, type FeedFormat, type FeedSource } from "./feed.ts";
import { readFeedFile } from "./feed_file.ts";
import { FeedReader } from "./feed_reader.ts";
import { feedUrl, redirectTarget, shownUrl } from "./feed_url.ts";
import { AskedToWait, type FetchResult, type Validators } from "./fetch_result.ts";
import { Patience } from "./fetch_patience.ts";
import { Intake, type Reader } from "./intake.ts";
import { type ReadEnvironment, readSecretHeaders } from "./secret_headers.ts";

/** What bounds a fetch. */
export interface FetchLimits {
  /** Milliseconds until the answer begins, of each server that is asked. */
  readonly firstByte: number;
  /** Milliseconds without a byte. */
  readonly idle: number;
  /** Milliseconds for everything. */
  readonly total: number;
  /** Bytes of the text, decompressed. */
  readonly bytes: number;
  readonly redirects: number;
  readonly entries: number;
}

/** What bounds a fetch unless told otherwise. */
export const FETCH_LIMITS: FetchLimits = {
  firstByte: 30_000,
  idle: 15_000,
  total: 300_000,
  bytes: 64_000_000,
  redirects: 5,
  // Twice the longest that is about. Packets wait for a third of a second while as many are sorted.
  entries: 1_000_000,
};

/** How to fetch; nothing is required. */
export interface FetchOptions {
  readonly limits?: FetchLimits;
  /** Told how many bytes have come so far. */
  readonly onProgress?: (bytes: number) => void;
  /** Ends the fetch with a `FeedError`. */
  readonly signal?: AbortSignal;
  readonly readEnv?: ReadEnvironment;
  /** For other certificates than the system's. */
  readonly client?: Deno.HttpClient;
  readonly openReader?: (
    format: FeedFormat | "auto",
    options: { minimum: number; maxEntries: number },
  ) => Reader;
}

/**
 * Fetches a feed unless it is as it was.
 *
 * @param known of the copy that is there; none asks for the text in any case
 * @throws FeedError with the reason; it names no header value and no query
 */
export async function fetchFeed(
  source: FeedSource,
  known: Validators,
  options: FetchOptions = {},
): Promise<FetchResult> {
  const limits = options.limits ?? FETCH_LIMITS;
  const url = feedUrl(source.url, source.allowInsecure);
  using patience = new Patience(limits.total, options.signal);
  const open = options.openReader ?? ((format, bounds) => new FeedReader(format, bounds));
  const reader = open(source.format, { minimum: source.minimum, maxEntries: limits.entries });
  const intake = new Intake(reader, limits.bytes, options.onProgress);
  if (url.protocol === "file:") return await readFeedFile(url, known, intake, patience.signal);
  const { response, from } = await ask(url, source, known, options, patience);
  try {
    if (response.status === 304 && isConditional(known)) return { kind: "unchanged" };
    if (response.status !== 200) throw refusalOf(response);
    const content = await readBody(response, from, intake, limits, patience);
    return { kind: "content", ...content, ...validatorsOf(response), finalUrl: shownUrl(from) };
  } finally {
    // Else the connection stays open, with a server that may go on sending for ever.
    await response.body?.cancel().catch(() => {});
  }
}

function isConditional({ etag, lastModified }: Validators): boolean {
  return etag !== null || lastModified !== null;
}

/** Statuses of publishers that may say when to come again (RFC 9110, section 10.2.3). */
const TRY_LATER: ReadonlySet<number> = new Set([429, 503]);

function refusalOf({ status, headers }: Response): FeedError {
  const wait = headers.get("retry-after") ?? "";
  // The other form, a date, is rare, and needs clocks that agree.
  return TRY_LATER.has(status) && /^\d{1,9}$/.test(wait)
    ? new AskedToWait(`answered ${status}`, Number(wait))
    : new FeedError(`answered ${status}`);
}

/** Asks, and asks where redirects lead to. */
async function ask(
  url: URL,
  source: FeedSource,
  known: Validators,
  options: FetchOptions,
  patience: Patience,
): Promise<{ response: Response; from: URL }> {
  const limits = options.limits ?? FETCH_LIMITS;
  const secrets = await readSecretHeaders(source.headers, options.readEnv);
  const { origin } = url;
  for (let redirects = 0;; redirects++) {
    // The key is for the one whom the configuration names, not for whom that one names.
    const headers = requestHeaders(known, url.origin === origin ? secrets : undefined);
    const { client } = options;
    const response = await patience.during(
      limits.firstByte,
      "no answer within",
      () => fetch(url, { headers, client, redirect: "manual", signal: patience.signal }),
    ).catch((error) => throwProblem(error, url));
    if (!REDIRECTS.has(response.status)) return { response, from: url };
    await response.body?.cancel().catch(() => {});
    if (redirects >= limits.redirects) throw new FeedError("too many redirects");
    url = redirectTarget(url, response.headers.get("location"), source.allowInsecure);
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function requestHeaders({ etag, lastModified }: Validators, secrets: Headers | undefined): Headers {
  const headers = new Headers(secrets);
  headers.set("user-agent", "pfw");
  if (etag !== null) headers.set("if-none-match", etag);
  if (lastModified !== null) headers.set("if-modified-since", lastModified);
  return headers;
}

/** Longer ones are not kept: they go back with each request. */
const MAX_VALIDATOR = 500;

function validatorsOf({ headers }: Response): Validators {
  const read = (name: string) => {
    const value = headers.get(name);
    return value && value.length <= MAX_VALIDATOR && /^[\x20-\x7e]+$/.test(value) ? value : null;
  };
  return { etag: read("etag"), lastModified: read("last-modified") };
}

async function readBody(
  response: Response,
  from: URL,
  intake: Intake,
  limits: FetchLimits,
  patience: Patience,
): Promise<{ content: FeedContent; bytes: number }> {
  // Only where it says it; the bytes themselves are counted in any case.
  intake.requireFits(Number(response.headers.get("content-length") ?? 0));
  const body = response.body?.getReader();
  try {
    let wait = limits.firstByte;
    while (body) {
      const read = await patience.during(wait, "no byte within", () => body.read())
        .catch((error) => throwProblem(error, from));
      if (read.done) break;
      await intake.take(read.value);
      wait = limits.idle;
    }
    return intake.end();
  } finally {
    await body?.cancel().catch(() => {});
    body?.releaseLock();
  }
}

/** Throws a connection's error in words of ours: the runtime's repeat the whole address. */
function throwProblem(error: unknown, url: URL): never {
  if (error instanceof FeedError) throw error;
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = inner instanceof Error ? inner.message : "";
  for (const [sign, problem] of PROBLEMS) {
    if (sign.test(text)) throw new FeedError(problem.replace("%s", () => url.host));
  }
  throw new FeedError(`the connection to ${url.host} failed`);
}

const PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/dns error|lookup address/i, "cannot find the address of %s"],
  [/Connection refused/i, "%s refused the connection"],
  [/unreachable/i, "no route to %s"],
  [/certificate|UnknownIssuer|NotValidForName/i, "the certificate of %s is not valid"],
  [/InvalidContentType|corrupt message|tls|handshake/i, "%s does not answer in TLS"],
  [
    /Connection reset|closed before|end of file|unexpected eof|incomplete|body from connection/i,
    "the connection to %s broke off",
  ],
  [/gzip|brotli|deflate|compress|decod/i, "the answer of %s cannot be decompressed"],
  [/timed out/i, "%s does not answer"],
];
