/** From a publisher's answer to the list in force, with nothing replaced but the publisher. */
import assert from "node:assert/strict";
import { FeedManager } from "../../intel/feed_manager.ts";
import { feedText, Publisher, sourceAt } from "./publisher.ts";

const FEODO = "# a list\n# DstIP\n11.0.0.1\n11.0.0.2\n# END 2 entries\n";

/** Bodies that are no list, and what is said of them. */
const BODIES: Record<string, { body: () => BodyInit; says: RegExp }> = {
  "an HTML page": {
    body: () => "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n",
    says: /HTML/,
  },
  "compressed bytes": {
    body: () => new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]),
    says: /gzip|compressed/,
  },
  "binary bytes": {
    body: () => Uint8Array.from({ length: 4_096 }, (_, at) => (at * 7919) & 255),
    says: /binary/,
  },
  "nothing": { body: () => "", says: /empty/ },
  "half a list": { body: () => FEODO.replace("11.0.0.2\n", ""), says: /cut off/ },
  "100 MB": { body: () => "# nothing but remarks\n".repeat(4_600_000), says: /larger than 64 MB/ },
  "1 of 2,000 entries": { body: () => feedText(1), says: /lost 1,999 of 2,000 entries at once/ },
  "another form": {
    body: () => '{"cidr":"11.0.0.0/24"}\n{"type":"metadata","records":1}\n',
    says: /changed its form from plain to spamhaus_json/,
  },
};

async function withManager(work: (manager: FeedManager, log: string[]) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "pfw-feeds-" });
  const log: string[] = [];
  const manager = new FeedManager({
    cacheDir: `${directory}/feeds`,
    log: (level, text) => log.push(`${level}: ${text}`),
    onChange: () => Promise.resolve(),
  });
  try {
    await work(manager, log);
  } finally {
    await manager.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

for (const [what, { body, says }] of Object.entries(BODIES)) {
  Deno.test(`feed update: ${what}: the old list stays, and why is said`, async () => {
    let answer: BodyInit = feedText(2_000);
    await using publisher = new Publisher(() => new Response(answer));
    await withManager(async (manager, log) => {
      manager.configure([{ ...sourceAt(publisher.url()), enabled: true }]);
      await manager.update();
      const [{ content }] = manager.contents();
      assert.equal(content.list.size, 2_000);
      answer = body();
      await manager.update();
      assert.equal(manager.contents()[0].content, content);
      const [{ status, error }] = manager.states();
      assert.equal(status, "kept");
      assert.match(error ?? "", says);
      assert.match(log.at(-1) ?? "", /; the old list of 2,000 entries stays$/);
    });
  });
}

Deno.test("feed update: unchanged lists are asked for with what is known of them", async () => {
  await using publisher = new Publisher((request) =>
    request.headers.get("if-none-match") === '"7"'
      ? new Response(null, { status: 304 })
      : new Response(FEODO, { headers: { etag: '"7"' } })
  );
  await withManager(async (manager) => {
    const feeds = [{ ...sourceAt(publisher.url()), enabled: true }];
    manager.configure(feeds);
    await manager.update();
    assert.deepEqual([...manager.contents()[0].content.list.texts(4)], ["11.0.0.1", "11.0.0.2"]);
    await manager.update();
    assert.equal(publisher.asked[1].headers.get("if-none-match"), '"7"');
    assert.equal(manager.states()[0].status, "ok");
  });
});

Deno.test("feed update: a key that is not there is said, and never asked without", async () => {
  await using publisher = new Publisher(() => new Response(FEODO));
  await withManager(async (manager, log) => {
    const headers = { Key: "env:PFW_TEST_KEY_THAT_IS_NOT_SET" };
    manager.configure([{ ...sourceAt(publisher.url(), { headers }), enabled: true }]);
    await manager.update();
    assert.equal(publisher.asked.length, 0);
    assert.deepEqual(log, [
      "warn: threat feed Test feed: env:PFW_TEST_KEY_THAT_IS_NOT_SET is not set",
    ]);
  });
});
