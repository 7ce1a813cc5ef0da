/** Feeds in files: read when they changed, refused when they are no plain files. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { FeedError } from "../../intel/feed.ts";
import { FETCH_LIMITS, fetchFeed, type FetchOptions } from "../../intel/feed_fetch.ts";
import { sourceAt } from "./publisher.ts";

const NONE = { etag: null, lastModified: null };

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pfw-feed-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function problemOf(path: string, options?: FetchOptions): Promise<string> {
  const url = path.startsWith("file:") ? path : pathToFileURL(path).href;
  const error = await fetchFeed(sourceAt(url), NONE, options).catch((error) => error);
  assert.ok(error instanceof FeedError, String(error));
  return error.message;
}

/** A file that was written a while ago. */
async function writeOld(path: string, text: string, at = 1_000): Promise<void> {
  await Deno.writeTextFile(path, text);
  await Deno.utime(path, at, at);
}

Deno.test("feed file: read, then unchanged, then read again when it changed", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/a feed.txt`;
    const source = sourceAt(pathToFileURL(path).href);
    await writeOld(path, "11.0.0.1\n");
    const first = await fetchFeed(source, NONE);
    assert.ok(first.kind === "content");
    assert.deepEqual([...first.content.list.texts(4)], ["11.0.0.1"]);
    assert.equal(first.bytes, 9);
    assert.equal((await fetchFeed(source, first)).kind, "unchanged");
    await writeOld(path, "11.0.0.2\n", 2_000);
    assert.equal((await fetchFeed(source, first)).kind, "content");
  });
});

Deno.test("feed file: one that was written just now is not trusted to stay", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/feed.txt`;
    await Deno.writeTextFile(path, "11.0.0.1\n");
    const result = await fetchFeed(sourceAt(pathToFileURL(path).href), NONE);
    assert.ok(result.kind === "content");
    assert.equal(result.etag, null);
  });
});

Deno.test("feed file: what is no regular file", async () => {
  await withDirectory(async (directory) => {
    await new Deno.Command("mkfifo", { args: [`${directory}/pipe`] }).output();
    assert.equal(await problemOf(`${directory}/pipe`), "not a regular file");
    assert.equal(await problemOf(directory), "not a regular file");
    assert.equal(await problemOf("/dev/zero"), "not a regular file");
    assert.equal(await problemOf(`${directory}/none`), "cannot read it: there is no such file");
    for (const url of ["file://elsewhere/feed", "file:///a%00b", "file:///a%2fb"]) {
      assert.equal(await problemOf(url), "its address names no file of this machine");
    }
  });
});

Deno.test("feed file: too large, whatever its size claims", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/feed.txt`;
    await Deno.writeTextFile(path, "11.0.0.1\n");
    await Deno.truncate(path, 100_000_000);
    assert.equal(await problemOf(path), "larger than 64 MB");
    // Files of /proc claim to be empty.
    const limits = { ...FETCH_LIMITS, bytes: 3 };
    assert.equal(await problemOf("/proc/self/status", { limits }), "larger than 0 MB");
  });
});

Deno.test("feed file: one that is written meanwhile", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/feed.txt`;
    await writeOld(path, "11.0.0.1\n");
    const onProgress = () => Deno.writeTextFileSync(path, "11.0.0.2\n");
    assert.equal(await problemOf(path, { onProgress }), "changed while it was read");
  });
});
