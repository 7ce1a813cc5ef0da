/** Every known feed is one that a configuration takes as it is. */
import assert from "node:assert/strict";
import { DEFAULT_CONFIG } from "../../engine/policy/default_config.ts";
import { configSchema } from "../../engine/policy/schema.ts";
import { FEED_CATALOGUE } from "../../intel/feed_catalogue.ts";
import { feedUrl } from "../../intel/feed_url.ts";

Deno.test("feed catalogue: a configuration with all of them is valid", () => {
  const feeds = FEED_CATALOGUE.map(({ description, terms, ...feed }) => {
    assert.ok(description !== "" && terms !== "", feed.name);
    return feed;
  });
  const { threat_feeds } = configSchema.parse({ threat_feeds: feeds });
  assert.deepEqual(threat_feeds.map(({ name }) => name), FEED_CATALOGUE.map(({ name }) => name));
});

Deno.test("feed catalogue: each may be fetched without allowing plain http", () => {
  for (const { url } of FEED_CATALOGUE) assert.equal(feedUrl(url, false).href, url);
});

Deno.test("feed catalogue: no two share a name in other letters, or an address", () => {
  assert.equal(
    new Set(FEED_CATALOGUE.map(({ name }) => name.toLowerCase())).size,
    FEED_CATALOGUE.length,
  );
  assert.equal(new Set(FEED_CATALOGUE.map(({ url }) => url)).size, FEED_CATALOGUE.length);
});

Deno.test("feed catalogue: the feeds of a fresh configuration are among them", () => {
  for (const { name, url, format, interval } of DEFAULT_CONFIG.threat_feeds ?? []) {
    const known = FEED_CATALOGUE.find((feed) => feed.name === name);
    assert.deepEqual(
      { url: known?.url, format: known?.format, interval: known?.interval },
      { url, format, interval },
    );
  }
});
