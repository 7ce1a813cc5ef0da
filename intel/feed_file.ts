/** Feeds in files of this machine, which other programs write. */
import { FeedError } from "./feed.ts";
import { filePath, shownUrl } from "./feed_url.ts";
import type { FetchResult } from "./fetch_result.ts";
import { fileProblem } from "./file_problem.ts";
import type { Intake } from "./intake.ts";

/**
 * Reads a feed from a file, unless it is the one that is known.
 *
 * @throws FeedError with the reason
 */
export async function readFeedFile(
  url: URL,
  known: { readonly etag: string | null },
  intake: Intake,
  signal: AbortSignal,
): Promise<FetchResult> {
  const path = filePath(url);
  try {
    // Before it is opened: a pipe would wait for a writer for ever, and hold a thread.
    requireRegular(await Deno.stat(path));
    using file = await Deno.open(path);
    const found = requireRegular(await file.stat());
    const etag = stampOf(found);
    if (etag === known.etag) return { kind: "unchanged" };
    intake.requireFits(found.size);
    await readAll(file, intake, signal);
    if (stampOf(await file.stat()) !== etag) throw new FeedError("changed while it was read");
    const isSettled = Date.now() - (found.mtime?.getTime() ?? 0) > SETTLED;
    return {
      kind: "content",
      ...intake.end(),
      etag: isSettled ? etag : null,
      lastModified: null,
      finalUrl: shownUrl(url),
    };
  } catch (error) {
    if (error instanceof FeedError) throw error;
    throw new FeedError(`cannot read it: ${fileProblem(error)}`);
  }
}

/** Milliseconds: a file written so lately may change again without getting another time. */
const SETTLED = 2_000;

const CHUNK = 64 * 1024;

async function readAll(file: Deno.FsFile, intake: Intake, signal: AbortSignal): Promise<void> {
  const buffer = new Uint8Array(CHUNK);
  for (let length: number | null; (length = await file.read(buffer)) !== null;) {
    signal.throwIfAborted();
    await intake.take(buffer.subarray(0, length));
  }
}

function requireRegular(info: Deno.FileInfo): Deno.FileInfo {
  if (!info.isFile) throw new FeedError("not a regular file");
  return info;
}

/** The same for a file as long as nobody writes it. */
function stampOf({ ino, mtime, size }: Deno.FileInfo): string {
  return `file ${ino} ${mtime?.getTime()} ${size}`;
}
