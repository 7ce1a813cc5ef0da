/** What happens at the same time: fetches, new configurations, and taking lists over. */
import assert from "node:assert/strict";
import { FeedError } from "../../intel/feed.ts";
import type { FetchResult } from "../../intel/fetch_result.ts";
import { feed, listing, settled, withScene } from "./feed_manager_scene.ts";

Deno.test("feed manager: a fetch under way is joined, not begun again", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a")]);
    const { promise, resolve } = Promise.withResolvers<FetchResult>();
    answers.set("a", (_, onProgress) => {
      onProgress(17);
      return promise;
    });
    const both = Promise.all([manager.update(), manager.update(["a", "a"])]);
    await settled();
    assert.equal(scene.state("a").status, "fetching");
    assert.equal(scene.state("a").receivedBytes, 17);
    assert.equal(manager.updating, true);
    resolve(listing(1));
    await both;
    assert.equal(scene.fetches.length, 1);
    assert.equal(manager.updating, false);
    assert.equal(scene.state("a").receivedBytes, 0);
  });
});

Deno.test("feed manager: a fetch is done once more when the configuration changed meanwhile", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a"), feed("b")]);
    const hang = (signal: AbortSignal) =>
      new Promise<FetchResult>((_, reject) => {
        signal.addEventListener("abort", () => reject(new FeedError("stopped")));
      });
    answers.set("a", hang);
    answers.set("b", hang);
    const update = manager.update();
    await settled();
    answers.set("a", listing(["11.0.0.9"]));
    manager.configure([feed("a", { minimum: 5 })]);
    await update;
    assert.equal(scene.entries(), "a: 11.0.0.9");
    assert.deepEqual(scene.fetches.map(({ name }) => name).sort(), ["a", "a", "b"]);
    assert.deepEqual(scene.log, ["info: threat feed a: 1 entries"]);
  });
});

Deno.test("feed manager: two fetches at once, the others in turn", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    const names = ["a", "b", "c", "d", "e"];
    manager.configure(names.map((name) => feed(name)));
    let now = 0, most = 0;
    for (const name of names) {
      answers.set(name, async () => {
        most = Math.max(most, ++now);
        await settled();
        now--;
        return listing(1);
      });
    }
    await manager.update();
    assert.equal(most, 2);
    assert.equal(scene.fetches.length, 5);
  });
});

Deno.test("feed manager: changes while one is taken over become one further", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    const names = ["a", "b", "c", "d"];
    manager.configure(names.map((name) => feed(name)));
    for (const name of names) answers.set(name, listing(1));
    const seen: string[] = [];
    scene.onChange = async () => {
      await settled();
      seen.push(manager.contents().map(({ name }) => name).join(""));
    };
    await manager.update();
    assert.equal(seen.at(-1), "abcd", "an update is done when its lists are in force");
    assert.ok(seen.length < 4, seen.join());
  });
});
