/** What a feed may block at most: a hostile one must not cut the machine off from the internet. */
import assert from "node:assert/strict";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { tooWide } from "../../intel/feed_width.ts";
import { feed, listing, withScene } from "./feed_manager_scene.ts";

/** `count` ranges of /8, none of them special. */
function eights(count: number): string[] {
  const first = [...Array(223).keys()].map((at) => at + 1).filter((byte) =>
    ![10, 100, 127, 169, 172, 192, 198, 203].includes(byte)
  );
  return first.slice(0, count).map((byte) => `${byte}.0.0.0/8`);
}

/** The internet from one registry to the next, in the widest ranges that a feed may have. */
function nineteens(count: number): string[] {
  return [...Array(count).keys()].map((at) =>
    `${(0x2400 + (at >> 3)).toString(16)}:${((at & 7) << 13).toString(16)}::/19`
  );
}

Deno.test("feed width: a quarter of the addresses of a family, in whatever pieces", () => {
  const wide = (texts: readonly string[]) => tooWide(PrefixList.parse(texts));
  const halves = (texts: readonly string[]) =>
    texts.flatMap((text) => [text.replace("/8", "/9"), text.replace(".0.0.0/8", ".128.0.0/9")]);
  assert.equal(wide([]), "");
  assert.equal(wide(eights(56)), "");
  assert.equal(wide(eights(57)), "IPv4");
  assert.equal(wide(halves(eights(56))), "");
  assert.equal(wide([...halves(eights(56)), "223.1.2.3"]), "IPv4");
  assert.equal(wide(nineteens(256)), "");
  assert.equal(wide([...nineteens(256), "2a00::/19"]), "IPv6");
  assert.equal(wide([...eights(57), ...nineteens(257)]), "IPv4 and IPv6");
});

Deno.test("feed width: one that blocks too much is never in force, unless somebody wants it", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a"), feed("b")]);
    answers.set("a", listing(["11.0.0.1"]));
    answers.set("b", listing(eights(200)));
    await manager.update();
    assert.equal(scene.entries(), "a: 11.0.0.1", "b is new");
    assert.equal(scene.state("b").status, "never");
    assert.equal(scene.state("b").error, "would block more than a quarter of all IPv4 addresses");
    answers.set("a", listing(eights(57)));
    await manager.update(["a"]);
    assert.equal(scene.state("a").status, "kept");
    assert.equal(scene.state("a").entries, 1);
    await manager.update(["a"], true);
    assert.equal(scene.state("a").entries, 57);
    answers.set("a", listing(eights(58)));
    await manager.update(["a"]);
    assert.equal(scene.state("a").entries, 58, "it was as wide before");
  });
});
