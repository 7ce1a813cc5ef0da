/** Copies on disk: what was written is read again, anything else is a miss with its reason. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { FeedCache, type FeedCopy } from "../../intel/feed_cache.ts";

const HOUR = 3_600_000, NOW = Date.UTC(2026, 7, 22);

function copyOf(name: string, addresses: string[], more: Partial<FeedCopy> = {}): FeedCopy {
  const list = PrefixList.parse(addresses);
  return {
    name,
    url: "https://example.com/feed.txt",
    configured: { format: "auto", minimum: 3 },
    etag: '"v1"',
    lastModified: null,
    fetchedAt: NOW,
    checkedAt: NOW,
    content: {
      format: "ipsum",
      list,
      levels: Uint8Array.from({ length: list.size }, (_, at) => at % 256),
      refused: { private: 2 },
    },
    ...more,
  };
}

const SMALL = copyOf("Small", ["11.0.0.1", "12.0.0.0/24", "2a00::/32", "2a01::1"]);

async function withCache(work: (cache: FeedCache, directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "pfw-cache-" });
  try {
    await work(new FeedCache(`${directory}/feeds`), `${directory}/feeds`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function onlyFile(directory: string): Promise<string> {
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  assert.equal(names.length, 1, names.join());
  return `${directory}/${names[0]}`;
}

async function problemOf(cache: FeedCache, name = "Small"): Promise<string | null> {
  const answer = await cache.read(name);
  assert.equal(answer.copy, undefined);
  return answer.copy === undefined ? answer.problem : null;
}

Deno.test("feed cache: what was written is read again", async () => {
  await withCache(async (cache, directory) => {
    await cache.write(SMALL);
    assert.deepEqual((await cache.read("Small")).copy, SMALL);
    const { mode } = await Deno.stat(await onlyFile(directory));
    assert.equal(mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(directory)).mode! & 0o777, 0o700);
  });
});

Deno.test("feed cache: 120,000 addresses, and none at all", async () => {
  await withCache(async (cache) => {
    const many = Array.from(
      { length: 120_000 },
      (_, at) => `11.${at >> 16}.${at >> 8 & 255}.${at & 255}`,
    );
    for (const copy of [copyOf("Many", many), copyOf("None", [])]) {
      await cache.write(copy);
      assert.deepEqual((await cache.read(copy.name)).copy, copy);
    }
  });
});

Deno.test("feed cache: names that look alike in a file's name are kept apart", async () => {
  await withCache(async (cache) => {
    const names = ["My feed", "My-feed", "my feed", "../../etc/passwd", "ö", "x".repeat(100)];
    for (const name of names) await cache.write({ ...SMALL, name });
    for (const name of names) assert.equal((await cache.read(name)).copy?.name, name);
  });
});

Deno.test("feed cache: asked again and unchanged rewrites nothing but the time", async () => {
  await withCache(async (cache, directory) => {
    await cache.write(SMALL);
    const path = await onlyFile(directory);
    const before = await Deno.readFile(path), { ino } = await Deno.stat(path);
    await cache.touch("Small", NOW + HOUR);
    assert.equal((await cache.read("Small")).copy?.checkedAt, NOW + HOUR);
    assert.equal((await cache.read("Small")).copy?.fetchedAt, NOW);
    assert.deepEqual(await Deno.readFile(path), before);
    assert.equal((await Deno.stat(path)).ino, ino);
  });
});

Deno.test("feed cache: a time in the future, or before the fetch, says nothing", async () => {
  await withCache(async (cache) => {
    await cache.write(SMALL);
    for (const at of [Date.now() + HOUR, NOW - HOUR]) {
      await cache.touch("Small", at);
      assert.equal((await cache.read("Small")).copy?.checkedAt, NOW);
    }
  });
});

Deno.test("feed cache: no file is a miss of which nothing is said", async () => {
  await withCache(async (cache) => assert.equal(await problemOf(cache), null));
});

Deno.test("feed cache: a flipped byte anywhere is a miss with its reason", async () => {
  await withCache(async (cache, directory) => {
    await cache.write(SMALL);
    const path = await onlyFile(directory);
    const good = await Deno.readFile(path);
    for (let at = 0; at < good.length; at++) {
      const bad = good.slice();
      bad[at] ^= 1 << (at % 8);
      await Deno.writeFile(path, bad);
      assert.match(await problemOf(cache) ?? "", /damaged|no copy of a feed|another version/);
    }
    await Deno.writeFile(path, good);
    assert.deepEqual((await cache.read("Small")).copy?.content, SMALL.content);
  });
});

Deno.test("feed cache: a file cut anywhere, or with something behind it", async () => {
  await withCache(async (cache, directory) => {
    await cache.write(SMALL);
    const path = await onlyFile(directory);
    const good = await Deno.readFile(path);
    for (let length = 0; length < good.length; length += 7) {
      await Deno.writeFile(path, good.subarray(0, length));
      assert.match(await problemOf(cache) ?? "", /damaged|no copy of a feed/);
    }
    await Deno.writeFile(path, new Uint8Array([...good, 0]));
    assert.equal(await problemOf(cache), "is damaged");
  });
});

/** A file whose sum is right, with this header and body. */
async function forge(path: string, header: unknown, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const text = new TextEncoder().encode(JSON.stringify(header) + "\n");
  const rest = new Uint8Array([...text, ...body]);
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", rest)).toHex();
  await Deno.writeFile(
    path,
    new Uint8Array([...new TextEncoder().encode(`pfw-feed 1 ${sum}\n`), ...rest]),
  );
}

const HEADER = {
  name: "Small",
  url: "https://example.com/feed.txt",
  configured: { format: "auto", minimum: 0 },
  etag: null,
  lastModified: null,
  fetchedAt: NOW,
  format: "plain",
  refused: {},
  counts: [2, 0],
};

Deno.test("feed cache: a header or arrays that are wrong under a right sum", async () => {
  await withCache(async (cache, directory) => {
    await cache.write(SMALL);
    const path = await onlyFile(directory);
    // Two addresses, ascending; then the same twice.
    const body = new Uint8Array([1, 0, 0, 11, 2, 0, 0, 11, 32, 32, 5, 6]);
    await forge(path, HEADER, body);
    assert.deepEqual([...(await cache.read("Small")).copy!.content.list.texts(4)], [
      "11.0.0.1",
      "11.0.0.2",
    ]);
    await forge(path, HEADER, new Uint8Array([1, 0, 0, 11, 1, 0, 0, 11, 32, 32, 5, 6]));
    assert.equal(await problemOf(cache), "holds no list of prefixes");
    for (const counts of [[3, 0], [1, 0], [0, 1], [1e15, 0]]) {
      await forge(path, { ...HEADER, counts }, body);
      assert.equal(await problemOf(cache), "holds no list of prefixes");
    }
    const wrong = [
      { counts: [-1, 0] },
      { counts: [2] },
      { format: "of tomorrow" },
      { refused: { because: 1 } },
      { refused: { private: "many" } },
      { fetchedAt: 1e300 },
      { etag: 5 },
      { configured: null },
      { url: "x".repeat(5_000) },
    ];
    for (const one of wrong) {
      await forge(path, { ...HEADER, ...one }, body);
      assert.equal(await problemOf(cache), "has a header that this version cannot read");
    }
    await forge(path, { ...HEADER, name: "Other" }, body);
    assert.equal(await problemOf(cache), "is of another feed");
  });
});

Deno.test("feed cache: whatever stands under a right sum is never an exception", async () => {
  await withCache(async (cache, directory) => {
    await cache.write(SMALL);
    const path = await onlyFile(directory);
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.uint8Array({ maxLength: 60 }), async (header, body) => {
        await forge(path, header, new Uint8Array(body));
        assert.equal((await cache.read("Small")).copy, undefined);
      }),
      { numRuns: 50 },
    );
  });
});

Deno.test("feed cache: another version, a directory, a link, too large a file", async () => {
  await withCache(async (cache, directory) => {
    await cache.write(SMALL);
    const path = await onlyFile(directory);
    await Deno.writeTextFile(path, "pfw-feed 2 and so on");
    assert.equal(await problemOf(cache), "is of another version");
    await Deno.truncate(path, 1e9);
    assert.equal(await problemOf(cache), "is too large");
    await Deno.remove(path);
    await Deno.symlink("/etc/passwd", path);
    assert.equal(await problemOf(cache), "is no regular file");
    await Deno.remove(path);
    await Deno.mkdir(path);
    assert.equal(await problemOf(cache), "is no regular file");
  });
});

Deno.test("feed cache: copies of feeds that are long gone are deleted, others stay", async () => {
  await withCache(async (cache, directory) => {
    const month = 31 * 24 * HOUR;
    for (const name of ["Configured", "Gone", "Gone lately"]) await cache.write({ ...SMALL, name });
    await cache.touch("Configured", NOW - month);
    await cache.touch("Gone", NOW - month);
    for (const name of [".gone.01234567.feed.1.abc.tmp", "notes.txt"]) {
      await Deno.writeTextFile(`${directory}/${name}`, "");
      await Deno.utime(`${directory}/${name}`, 1_000, 1_000);
    }
    await cache.prune(["Configured"], NOW);
    const left = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
    assert.deepEqual(left.map((name) => name.replace(/\..*feed$/, "")), [
      "configured",
      "gone-lately",
      "notes.txt",
    ]);
  });
});
