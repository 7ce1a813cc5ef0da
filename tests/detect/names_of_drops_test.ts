/** What a blocked packet's row says it was about: the feed that lists it, the rule that dropped it. */
import assert from "node:assert/strict";
import { DropPrefixes } from "../../engine/drop_prefixes.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { Direction } from "../../engine/packet/packet.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { ThreatDetails } from "../../engine/threat_details.ts";
import type { NamedContent } from "../../intel/threat_list.ts";
import { ThreatList } from "../../intel/threat_list.ts";
import { packetOf } from "../observe/samples.ts";
import { policy, rule } from "../support/policies.ts";

function feed(name: string, ...prefixes: string[]): NamedContent {
  const list = PrefixList.parse(prefixes);
  const levels = new Uint8Array(list.size);
  return { name, content: { format: "plain", list, levels, refused: {} } };
}

function feedsOf(...feeds: NamedContent[]) {
  const details = new EventDetails(), threats = new ThreatDetails(details);
  threats.use(ThreatList.merge(feeds, PrefixList.parse([])));
  return (source: string, destination = "192.0.2.1", direction: number = Direction.incoming) =>
    details.at(threats.detailOf(packetOf({ source, destination, direction }))).text;
}

Deno.test("threat details: of several feeds the first that lists the other end", () => {
  const nameOf = feedsOf(feed("A", "198.51.100.0/28"), feed("B", "198.51.100.0/24", "2001:db8::1"));
  assert.equal(nameOf("198.51.100.7"), "A");
  assert.equal(nameOf("198.51.100.77"), "B");
  assert.equal(nameOf("2001:db8::1", "2001:db8::2"), "B");
  assert.equal(nameOf("203.0.113.1"), "");
  assert.equal(nameOf("192.0.2.1", "198.51.100.7", Direction.outgoing), "A");
  assert.equal(nameOf("192.0.2.9", "198.51.100.7", Direction.forwarded), "A");
});

Deno.test("threat details: where there is one feed, it is that one", () => {
  assert.equal(feedsOf(feed("A", "198.51.100.0/28"))("198.51.100.7"), "A");
  assert.equal(feedsOf()("198.51.100.7"), "");
});

Deno.test("drop prefixes: in any order, and those of others are counted", () => {
  const ours = rule({ name: "Telnet" }), prefixes = new DropPrefixes(new EventDetails());
  prefixes.ruleDetails(policy({ rules: [ours] }));
  const find = (text: string) => {
    const bytes = new TextEncoder().encode(`..${text}..`);
    return prefixes.find(bytes, 2, bytes.length - 2);
  };
  const texts = [
    `pfw:rule:${ours.id}`,
    "pfw:threat:-",
    "UFW BLOCK",
    "",
    "pfw:threat:-",
    "pfw:threat",
  ];
  for (let round = 0; round < 3; round++) {
    for (const text of texts) {
      const drop = find(text);
      if (drop) drop.packets++;
      assert.equal(find(text), drop, text);
    }
  }
  assert.deepEqual(
    prefixes.drops().map(({ reason, ruleId, packets }) => [reason, ruleId, packets]),
    [[Reason.rule, ours.id, 3], [Reason.threat, "", 6]],
  );
  const foreign = texts.filter((text) => !/^pfw:[a-z]+:/.test(text)).length;
  assert.equal(prefixes.foreign, 2 * 3 * foreign);
});
