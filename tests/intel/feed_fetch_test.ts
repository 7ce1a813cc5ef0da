/** Fetching over HTTP: what is asked, what is taken, and what no publisher can make pfw do. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { FeedError, type FeedSource } from "../../intel/feed.ts";
import { AskedToWait } from "../../intel/fetch_result.ts";
import { FETCH_LIMITS, fetchFeed, type FetchOptions } from "../../intel/feed_fetch.ts";
import { LOCALHOST_TLS } from "./certificate.ts";
import { feedText, Publisher, RawPublisher, silence, sourceAt } from "./publisher.ts";

const NONE = { etag: null, lastModified: null };

async function problemOf(source: FeedSource, options: FetchOptions = {}): Promise<string> {
  const error = await fetchFeed(source, NONE, options).then(() => undefined, (error) => error);
  assert.ok(error instanceof FeedError, `expected a FeedError, not ${error}`);
  return error.message;
}

async function contentOf(source: FeedSource, options: FetchOptions = {}) {
  const result = await fetchFeed(source, NONE, options);
  assert.ok(result.kind === "content");
  return result;
}

Deno.test("feed fetch: a list with its validators, and progress on the way", async () => {
  await using publisher = new Publisher(() =>
    new Response("11.0.0.1\n11.0.0.2\n", {
      headers: { etag: '"v1"', "last-modified": "Sat, 22 Aug 2026 10:00:00 GMT" },
    })
  );
  const progress: number[] = [];
  const result = await contentOf(sourceAt(publisher.url("/feed.txt?key=secret")), {
    onProgress: (bytes) => progress.push(bytes),
  });
  assert.deepEqual([...result.content.list.texts(4)], ["11.0.0.1", "11.0.0.2"]);
  assert.equal(result.content.format, "plain");
  assert.equal(result.etag, '"v1"');
  assert.equal(result.lastModified, "Sat, 22 Aug 2026 10:00:00 GMT");
  assert.equal(result.bytes, 18);
  assert.equal(progress.at(-1), 18);
  assert.equal(result.finalUrl, publisher.url());
  assert.equal(publisher.asked[0].headers.get("user-agent"), "pfw");
  assert.equal(publisher.asked[0].headers.get("if-none-match"), null);
});

Deno.test("feed fetch: what is known is asked for conditionally", async () => {
  await using publisher = new Publisher((request) =>
    request.headers.get("if-none-match") === '"v1"' &&
      request.headers.get("if-modified-since") === "then"
      ? new Response(null, { status: 304 })
      : new Response("11.0.0.1\n")
  );
  const source = sourceAt(publisher.url());
  const known = { etag: '"v1"', lastModified: "then" };
  assert.deepEqual(await fetchFeed(source, known), { kind: "unchanged" });
  assert.equal((await fetchFeed(source, { ...known, etag: '"v0"' })).kind, "content");
});

Deno.test("feed fetch: a 304 that was not asked for is no list", async () => {
  await using publisher = new Publisher(() => new Response(null, { status: 304 }));
  assert.equal(await problemOf(sourceAt(publisher.url())), "answered 304");
});

for (const status of [204, 206, 400, 403, 404, 429, 500, 503]) {
  Deno.test(`feed fetch: answered ${status}`, async () => {
    await using publisher = new Publisher(() =>
      new Response(status === 204 ? null : "11.0.0.1\n", { status })
    );
    assert.equal(await problemOf(sourceAt(publisher.url())), `answered ${status}`);
  });
}

Deno.test("feed fetch: when to come again, where the publisher says it", async () => {
  await using publisher = new Publisher((_, path) => {
    const [, status, after] = path.split("/");
    return new Response("no", { status: Number(status), headers: { "retry-after": after } });
  });
  const waitOf = async (path: string) => {
    const error = await fetchFeed(sourceAt(publisher.url(path)), NONE).catch((error) => error);
    assert.ok(error instanceof FeedError);
    return error instanceof AskedToWait ? error.seconds : undefined;
  };
  assert.equal(await waitOf("/429/3600"), 3600);
  assert.equal(await waitOf("/503/0"), 0);
  assert.equal(await waitOf("/503/soon"), undefined);
  assert.equal(await waitOf("/404/60"), undefined);
});

Deno.test("feed fetch: redirects are followed, five at most", async () => {
  await using publisher = new Publisher((_, path) => {
    const left = Number(path.slice(1));
    if (left === 0) return new Response("11.0.0.1\n");
    return new Response("moved", { status: 302, headers: { location: `/${left - 1}` } });
  });
  const result = await contentOf(sourceAt(publisher.url("/5")));
  assert.equal(result.finalUrl, publisher.url("/0"));
  assert.equal(await problemOf(sourceAt(publisher.url("/6"))), "too many redirects");
});

Deno.test("feed fetch: a redirect in a circle ends", async () => {
  await using publisher = new Publisher(() =>
    new Response(null, { status: 301, headers: { location: "/feed.txt" } })
  );
  assert.equal(await problemOf(sourceAt(publisher.url())), "too many redirects");
  assert.equal(publisher.asked.length, 6);
});

const REDIRECTS: Record<string, string> = {
  "file:///etc/passwd": "redirected to a file: address",
  "ftp://example.com/": "redirected to a ftp: address",
  "http://example.com/": "redirected to plain http",
  "http://": "redirected to no address",
};

for (const [location, problem] of Object.entries(REDIRECTS)) {
  Deno.test(`feed fetch: redirected to ${location}: refused`, async () => {
    await using publisher = new Publisher(() =>
      new Response(null, { status: 302, headers: { location } })
    );
    assert.equal(await problemOf(sourceAt(publisher.url())), problem);
  });
}

Deno.test("feed fetch: a redirect without a target is refused", async () => {
  await using publisher = new Publisher(() => new Response(null, { status: 302 }));
  assert.equal(await problemOf(sourceAt(publisher.url())), "redirected to no address");
});

Deno.test("feed fetch: a key goes to its publisher and to nobody else", async () => {
  await using other = new Publisher(() => new Response("11.0.0.1\n"));
  await using publisher = new Publisher((_, path) =>
    path === "/away"
      ? new Response(null, { status: 302, headers: { location: other.url() } })
      : new Response(null, { status: 302, headers: { location: "/away" } })
  );
  const source = sourceAt(publisher.url(), { headers: { Key: "env:FEED_KEY" } });
  await contentOf(source, { readEnv: () => "sesame" });
  assert.deepEqual(publisher.asked.map(({ headers }) => headers.get("key")), ["sesame", "sesame"]);
  assert.deepEqual(other.asked.map(({ headers }) => headers.get("key")), [null]);
});

Deno.test("feed fetch: a missing key is said before anything is asked", async () => {
  await using publisher = new Publisher(() => new Response("11.0.0.1\n"));
  const source = sourceAt(publisher.url(), { headers: { Key: "env:FEED_KEY" } });
  assert.equal(
    await problemOf(source, { readEnv: () => undefined }),
    "env:FEED_KEY is not set",
  );
  assert.equal(publisher.asked.length, 0);
});

Deno.test("feed fetch: plain http to another machine only where it is allowed", async () => {
  const source = sourceAt("http://192.0.2.1/feed.txt");
  assert.equal(await problemOf(source), "plain http is refused: set allow_insecure");
  await using publisher = new Publisher(() => new Response("11.0.0.1\n"));
  const away = new Publisher(() =>
    new Response(null, { status: 302, headers: { location: publisher.url() } })
  );
  await using _ = away;
  assert.equal((await contentOf(sourceAt(away.url("/", "localhost")))).content.list.size, 1);
});

for (const url of ["ftp://127.0.0.1/x", "data:text/plain,11.0.0.1", "nonsense"]) {
  Deno.test(`feed fetch: ${url} is not taken`, async () => {
    assert.match(await problemOf(sourceAt(url)), /not taken|not a URL/);
  });
}

Deno.test("feed fetch: errors of the connection do not repeat the address's query", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr as Deno.NetAddr;
  closed.close();
  const problem = await problemOf(sourceAt(`http://127.0.0.1:${port}/x?key=secret`));
  assert.equal(problem, `127.0.0.1:${port} refused the connection`);
});

Deno.test("feed fetch: no answer at all", async () => {
  await using publisher = new RawPublisher((_, signal) => silence(signal));
  const problem = await problemOf(sourceAt(publisher.url()), {
    limits: { ...FETCH_LIMITS, firstByte: 300 },
  });
  assert.equal(problem, "no answer within 0.3 s");
});

const OK = "HTTP/1.1 200 OK\r\n";

Deno.test("feed fetch: a body that stops coming", async () => {
  await using publisher = new RawPublisher(async (say, signal) => {
    await say(`${OK}content-length: 1000\r\n\r\n11.0.0.1\n`);
    await silence(signal);
  });
  const problem = await problemOf(sourceAt(publisher.url()), {
    limits: { ...FETCH_LIMITS, idle: 200 },
  });
  assert.equal(problem, "no byte within 0.2 s");
});

Deno.test("feed fetch: a body that drips for ever", async () => {
  await using publisher = new RawPublisher(async (say, signal) => {
    await say(`${OK}connection: close\r\n\r\n`);
    for (;;) {
      await say("11.0.0.1\n");
      await sleep(50, undefined, { signal });
    }
  });
  const limits = { ...FETCH_LIMITS, total: 600 };
  assert.equal(await problemOf(sourceAt(publisher.url()), { limits }), "not complete within 0.6 s");
});

Deno.test("feed fetch: a body without end", async () => {
  await using publisher = new RawPublisher(async (say, signal) => {
    await say(`${OK}connection: close\r\n\r\n`);
    const block = "# and so on\n".repeat(5_000);
    while (!signal.aborted) await say(block);
  });
  let most = 0;
  const limits = { ...FETCH_LIMITS, bytes: 8_000_000 };
  const options = { limits, onProgress: (bytes: number) => most = Math.max(most, bytes) };
  assert.equal(await problemOf(sourceAt(publisher.url()), options), "larger than 8 MB");
  assert.ok(most > 4_000_000 && most <= limits.bytes, `${most}`);
});

Deno.test("feed fetch: a body that says it is 100 MB is not begun", async () => {
  await using publisher = new RawPublisher(async (say, signal) => {
    await say(`${OK}content-length: 100000000\r\n\r\n11.0.0.1\n`);
    await silence(signal);
  });
  assert.equal(await problemOf(sourceAt(publisher.url())), "larger than 64 MB");
});

async function gzipped(text: string, times: number): Promise<Uint8Array> {
  const block = new TextEncoder().encode(text);
  let left = times;
  const plain = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => left-- > 0 ? controller.enqueue(block) : controller.close(),
  });
  const packed = plain.pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

Deno.test("feed fetch: a compressed answer is read, and counted as it unfolds", async () => {
  const small = await gzipped("11.0.0.1\n", 3);
  const bomb = await gzipped("# nothing\n".repeat(10_000), 100);
  assert.ok(bomb.length < 100_000);
  const headers = { "content-encoding": "gzip" };
  await using publisher = new Publisher((_, path) =>
    new Response((path === "/bomb" ? bomb : small) as BodyInit, { headers })
  );
  assert.equal((await contentOf(sourceAt(publisher.url("/small")))).bytes, 27);
  const limits = { ...FETCH_LIMITS, bytes: 8_000_000 };
  assert.equal(await problemOf(sourceAt(publisher.url("/bomb")), { limits }), "larger than 8 MB");
});

Deno.test("feed fetch: what claims to be compressed and is not", async () => {
  const headers = { "content-encoding": "gzip" };
  await using publisher = new Publisher(() => new Response("11.0.0.1\n", { headers }));
  const problem = await problemOf(sourceAt(publisher.url("/feed.txt?key=secret")));
  assert.match(problem, /cannot be decompressed|broke off|failed/);
  assert.doesNotMatch(problem, /secret/);
});

for (const head of ["content-length: 1000\r\n", "transfer-encoding: chunked\r\n"]) {
  Deno.test(`feed fetch: cut off in the middle (${head.trim()})`, async () => {
    const body = head.startsWith("t") ? "9\r\n11.0.0.1\n\r\n9\r\n11.0" : "11.0.0.1\n11.0";
    await using publisher = new RawPublisher((say) => say(`${OK}${head}\r\n${body}`));
    assert.match(await problemOf(sourceAt(publisher.url())), /broke off|connection .* failed/);
  });
}

Deno.test("feed fetch: a wrong page is no list", async () => {
  const page = "<!doctype html><html><body>Please sign in</body></html>";
  await using publisher = new Publisher((_, path) => new Response(path === "/empty" ? "" : page));
  assert.match(await problemOf(sourceAt(publisher.url("/login"))), /HTML/);
  assert.match(await problemOf(sourceAt(publisher.url("/empty"))), /empty/);
});

Deno.test("feed fetch: what is no HTTP at all", async () => {
  await using publisher = new RawPublisher((say) => say("220 mail.example.com ESMTP\r\n"));
  assert.match(await problemOf(sourceAt(publisher.url())), /failed|broke off/);
  assert.match(await problemOf(sourceAt(publisher.url("https"))), /TLS/);
});

Deno.test("feed fetch: a fetch that is no longer wanted ends", async () => {
  await using publisher = new RawPublisher((_, signal) => silence(signal));
  const abort = new AbortController();
  const fetching = problemOf(sourceAt(publisher.url()), { signal: abort.signal });
  abort.abort();
  assert.equal(await fetching, "stopped");
  assert.equal(await problemOf(sourceAt(publisher.url()), { signal: abort.signal }), "stopped");
});

Deno.test("feed fetch: over https, and never from there to plain http", async () => {
  await using plain = new Publisher(() => new Response("11.0.0.1\n"));
  await using publisher = new Publisher(
    (_, path) =>
      path === "/feed.txt"
        ? new Response("11.0.0.1\n")
        : new Response(null, { status: 302, headers: { location: plain.url() } }),
    LOCALHOST_TLS,
  );
  using client = Deno.createHttpClient({ caCerts: [LOCALHOST_TLS.cert] });
  const good = sourceAt(publisher.url("/feed.txt", "localhost"));
  assert.equal((await contentOf(good, { client })).content.list.size, 1);
  const down = sourceAt(publisher.url("/down", "localhost"));
  assert.equal(await problemOf(down, { client }), "redirected to plain http");
  assert.equal(plain.asked.length, 0);
  assert.equal(
    (await contentOf({ ...down, allowInsecure: true }, { client })).finalUrl,
    plain.url(),
  );
  assert.match(await problemOf(good), /^the certificate of localhost:\d+ is not valid$/);
});

Deno.test("feed fetch: packets have their turn while a long list is read", async () => {
  await using publisher = new Publisher(() => new Response(feedText(200_000)));
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const { content } = await contentOf(sourceAt(publisher.url()));
  clearInterval(timer);
  assert.equal(content.list.size, 200_000);
  assert.ok(turns > 3, `${turns} turns`);
});
