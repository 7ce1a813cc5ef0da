/**
 * The last good copy of each feed on disk: in force at once at the next start, with or without a
 * network. One file a feed:
 *
 * ```
 * pfw-feed 1 <SHA-256 of all that follows>\n
 * <header as JSON>\n
 * <IPv4 words><IPv4 lengths><IPv6 words><IPv6 lengths><levels>      little-endian
 * ```
 *
 * Its modification time is when the publisher was last asked: "unchanged" rewrites nothing.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { createAtomically } from "../engine/atomic_file.ts";
import { type CopyHeader, isCopyHeader } from "./copy_header.ts";
import type { FeedContent } from "./feed.ts";
import { PrefixList } from "../engine/net/prefix_list.ts";
import { fileProblem } from "./file_problem.ts";

/** A good copy: where it came from, when, and what it says. */
export interface FeedCopy {
  readonly name: string;
  readonly url: string;
  /** As configured when it was fetched: with others, the same text says something else. */
  readonly configured: { readonly format: string; readonly minimum: number };
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
  /** When the publisher last said that it is still this, or gave it. */
  readonly checkedAt: number;
  readonly content: FeedContent;
}

/** A copy, or why there is none: null where there is no file, which is nothing to speak of. */
export type CacheAnswer = { readonly copy: FeedCopy } | {
  readonly copy: undefined;
  readonly problem: string | null;
};

const MAGIC = "pfw-feed 1 ", SUFFIX = ".feed";
/** Length of the first line. */
const FIRST_LINE = MAGIC.length + 64 + 1;
const MAX_HEADER = 64 * 1024;
/** Bytes of a file: 2,000,000 IPv6 prefixes with their levels. */
const MAX_FILE = 2_000_000 * 18 + MAX_HEADER;
/** Milliseconds for which the copy of a feed that is no longer configured is kept. */
const KEPT_UNCONFIGURED = 30 * 86_400_000;
/** Milliseconds after which what a crash left half written is nobody's any more. */
const KEPT_TEMPORARY = 86_400_000;

/** The copies in one directory. */
export class FeedCache {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The copy of a feed; never throws. */
  async read(name: string): Promise<CacheAnswer> {
    const path = this.#path(name);
    try {
      const info = await Deno.lstat(path);
      if (!info.isFile) return problem("is no regular file");
      if (info.size > MAX_FILE) return problem("is too large");
      const answer = await decode(await Deno.readFile(path));
      if (!answer.copy) return answer;
      if (answer.copy.name !== name) return problem("is of another feed");
      return { copy: { ...answer.copy, checkedAt: checkedAt(answer.copy.fetchedAt, info) } };
    } catch (error) {
      return error instanceof Deno.errors.NotFound ? problem(null) : problem(fileProblem(error));
    }
  }

  /** Keeps a copy, mode 0600; @throws what the file system says */
  async write(copy: FeedCopy): Promise<void> {
    await Deno.mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#path(copy.name);
    await createAtomically(path, await encode(copy), 0o600);
    await this.touch(copy.name, copy.checkedAt);
  }

  /** Notes when the publisher was last asked; without a file there is nothing to note. */
  async touch(name: string, at: number): Promise<void> {
    await Deno.utime(this.#path(name), at / 1000, at / 1000);
  }

  /** Deletes copies of feeds that are long gone from the configuration. */
  async prune(configured: readonly string[], now: number): Promise<void> {
    const kept = new Set(configured.map(fileName));
    for await (const { name, isFile } of Deno.readDir(this.#directory)) {
      if (!isFile || kept.has(name)) continue;
      const limit = OWN_NAME.test(name)
        ? KEPT_UNCONFIGURED
        : OWN_TEMPORARY.test(name)
        ? KEPT_TEMPORARY
        : Infinity;
      const path = join(this.#directory, name);
      const { mtime } = await Deno.lstat(path);
      if (now - (mtime?.getTime() ?? now) > limit) await Deno.remove(path);
    }
  }

  #path(name: string): string {
    return join(this.#directory, fileName(name));
  }
}

const OWN_NAME = /^[a-z0-9-]{0,40}\.[0-9a-f]{8}\.feed$/;
const OWN_TEMPORARY = /^\.[a-z0-9-]{0,40}\.[0-9a-f]{8}\.feed\..+\.tmp$/;

/** The name for people to recognise, the hash for those that differ in what a file name cannot say. */
function fileName(name: string): string {
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 40);
  return `${slug}.${createHash("sha256").update(name).digest("hex").slice(0, 8)}${SUFFIX}`;
}

/** A clock that was set back, or a copied file, must not make the copy look fresher than it is. */
function checkedAt(fetchedAt: number, { mtime }: Deno.FileInfo): number {
  const touched = mtime?.getTime() ?? fetchedAt;
  return touched > Date.now() ? fetchedAt : Math.max(fetchedAt, touched);
}

function problem(text: string | null): CacheAnswer {
  return { copy: undefined, problem: text };
}

async function encode(copy: FeedCopy): Promise<Uint8Array> {
  const { list, levels, format, refused } = copy.content;
  const { name, url, configured, etag, lastModified, fetchedAt } = copy;
  const header: CopyHeader = {
    ...{ name, url, configured, etag, lastModified, fetchedAt, format, refused },
    counts: [list.count(4), list.count(6)],
  };
  const columns = [list.v4, list.v4Lengths, list.v6, list.v6Lengths, levels];
  const text = new TextEncoder().encode(JSON.stringify(header) + "\n");
  const size = columns.reduce((sum, column) => sum + column.byteLength, text.length);
  const bytes = new Uint8Array(FIRST_LINE + size);
  let at = FIRST_LINE;
  for (const part of [text, ...columns]) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  const sum = await sumOf(bytes.subarray(FIRST_LINE));
  bytes.set(new TextEncoder().encode(`${MAGIC}${sum}\n`));
  return bytes;
}

async function decode(bytes: Uint8Array<ArrayBuffer>): Promise<CacheAnswer> {
  const first = new TextDecoder().decode(bytes.subarray(0, FIRST_LINE));
  if (!first.startsWith(MAGIC)) {
    return problem(
      first.startsWith("pfw-feed ") ? "is of another version" : "is no copy of a feed",
    );
  }
  const rest = bytes.subarray(FIRST_LINE);
  // Without order in its arrays a list would answer wrongly, not fail: nothing is taken on trust.
  if (first !== `${MAGIC}${await sumOf(rest)}\n`) return problem("is damaged");
  const end = rest.subarray(0, MAX_HEADER).indexOf(0x0a);
  const header = parseJson(new TextDecoder().decode(rest.subarray(0, Math.max(end, 0))));
  if (!isCopyHeader(header)) return problem("has a header that this version cannot read");
  const content = contentOf(header, rest.subarray(end + 1));
  if (!content) return problem("holds no list of prefixes");
  const { name, url, configured, etag, lastModified, fetchedAt } = header;
  return {
    copy: { name, url, configured, etag, lastModified, fetchedAt, checkedAt: fetchedAt, content },
  };
}

function contentOf(header: CopyHeader, body: Uint8Array): FeedContent | undefined {
  const [v4, v6] = header.counts;
  if (body.length !== 6 * v4 + 18 * v6) return undefined;
  let at = 0;
  // Copied, because words of 32 bits must stand at multiples of four.
  const bytes = (size: number) => body.slice(at, at += size);
  const words = (count: number) => new Int32Array(bytes(4 * count).buffer);
  try {
    const list = PrefixList.fromArrays(words(v4), bytes(v4), words(4 * v6), bytes(v6));
    return { format: header.format, list, levels: bytes(v4 + v6), refused: header.refused };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Off the thread of the packets. */
async function sumOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
