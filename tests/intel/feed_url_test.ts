/** Where a redirect may lead: never from a publisher into what only this machine can reach. */
import assert from "node:assert/strict";
import { FeedError } from "../../intel/feed.ts";
import { redirectTarget } from "../../intel/feed_url.ts";

const PUBLISHER = new URL("https://feeds.example.org/list.txt");

for (
  const location of [
    "https://127.0.0.1/",
    "https://localhost:8443/x",
    "https://localhost./",
    "https://a.localhost/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://10.0.0.1/",
    "https://192.168.1.1/reboot",
    "http://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/",
  ]
) {
  Deno.test(`feed url: no publisher redirects to ${location}`, () => {
    assert.throws(
      () => redirectTarget(PUBLISHER, location, true),
      new FeedError("redirected to an address that is not on the internet"),
    );
  });
}

Deno.test("feed url: redirects on the internet, and within one's own network, are followed", () => {
  const allowed: [string, string][] = [
    [PUBLISHER.href, "https://mirror.example.org/list.txt"],
    [PUBLISHER.href, "/other.txt"],
    [PUBLISHER.href, "https://11.0.0.1/list.txt"],
    [PUBLISHER.href, "https://[2a00::1]/list.txt"],
    ["https://10.0.0.1/list.txt", "https://10.0.0.2/list.txt"],
    ["http://127.0.0.1:8080/a", "http://localhost:8080/b"],
  ];
  for (const [from, location] of allowed) {
    const expected = new URL(location, from).href;
    assert.equal(redirectTarget(new URL(from), location, false).href, expected);
  }
});
