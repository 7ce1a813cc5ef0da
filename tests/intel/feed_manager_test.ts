/** Copies, rules and changes: what is in force after each thing that may happen to a feed. */
import assert from "node:assert/strict";
import { PfwError } from "../../engine/errors.ts";
import { feed, listing, settled, withScene } from "./feed_manager_scene.ts";

Deno.test("feed manager: an update brings the list, its state and one change", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a"), feed("off", { enabled: false })]);
    await manager.load();
    assert.equal(scene.state("a").status, "never");
    answers.set("a", listing(["11.0.0.1"], { refused: { private: 2 } }));
    await manager.update();
    assert.equal(scene.entries(), "a: 11.0.0.1");
    const { status, entries, refused, fetchedAt, foundFormat, error } = scene.state("a");
    assert.deepEqual({ status, entries, refused, fetchedAt, foundFormat, error }, {
      status: "ok",
      entries: 1,
      refused: { private: 2 },
      fetchedAt: "2026-08-22T00:00:00.000Z",
      foundFormat: "plain",
      error: null,
    });
    assert.equal(scene.state("off").status, "disabled");
    assert.equal(scene.changes, 1);
    assert.deepEqual(scene.timesOf("off"), []);
    assert.deepEqual(scene.log, ["info: threat feed a: 1 entries"]);
  });
});

Deno.test("feed manager: unchanged changes nothing but when it was checked", async () => {
  await withScene(async (scene) => {
    const { manager, answers, clock } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(["11.0.0.1"]));
    await manager.update();
    await clock.pass(60_000);
    answers.set("a", { kind: "unchanged" });
    await manager.update();
    assert.equal(scene.fetches[1].known.etag, '"1"');
    const { fetchedAt, checkedAt } = scene.state("a");
    assert.equal(fetchedAt, "2026-08-22T00:00:00.000Z");
    assert.equal(checkedAt, "2026-08-22T00:01:00.000Z");
    assert.equal(scene.changes, 1);
    // The same list under another name of its version is no change either.
    answers.set("a", { ...listing(["11.0.0.1"]), etag: '"2"' });
    const [{ content }] = manager.contents();
    await manager.update();
    assert.equal(manager.contents()[0].content, content);
    assert.equal(scene.changes, 1);
  });
});

Deno.test("feed manager: restart with the copies and without a network", async () => {
  await withScene(async (scene) => {
    const feeds = [feed("a"), feed("b"), feed("off", { enabled: false })];
    scene.manager.configure(feeds.map((one) => ({ ...one, enabled: true })));
    for (const [at, { name }] of feeds.entries()) {
      scene.answers.set(name, listing([`11.0.0.${at}`]));
    }
    await scene.manager.update();
    scene.answers.clear();
    const next = scene.open();
    next.configure(feeds);
    assert.deepEqual(next.contents(), []);
    await next.load();
    assert.equal(scene.entries(next), "a: 11.0.0.0; b: 11.0.0.1");
    const states = next.states();
    assert.deepEqual(states.map(({ status }) => status), ["ok", "ok", "disabled"]);
    assert.deepEqual(states.map(({ entries }) => entries), [1, 1, 1]);
    await next.update();
    assert.equal(scene.entries(next), "a: 11.0.0.0; b: 11.0.0.1");
    assert.deepEqual(next.states().map(({ status }) => status), ["kept", "kept", "disabled"]);
  });
});

Deno.test("feed manager: a failure keeps the old list and is told once", async () => {
  await withScene(async (scene) => {
    const { manager, answers, log } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(["11.0.0.1"]));
    await manager.update();
    for (const reason of ["answered 503", "answered 503", "bad\nline\u2028x", "answered 503"]) {
      answers.set("a", reason);
      await manager.update();
      assert.equal(scene.entries(), "a: 11.0.0.1");
      assert.equal(scene.state("a").status, "kept");
    }
    assert.equal(scene.state("a").error, "answered 503");
    assert.deepEqual(log.slice(1), [
      "warn: threat feed a: answered 503; the old list of 1 entries stays",
      "warn: threat feed a: bad | line x; the old list of 1 entries stays",
      "warn: threat feed a: answered 503; the old list of 1 entries stays",
    ]);
    answers.set("a", { kind: "unchanged" });
    await manager.update();
    assert.equal(scene.state("a").error, null);
    assert.equal(log.at(-1), "info: threat feed a: 1 entries");
  });
});

Deno.test("feed manager: a long feed that lost more than half is kept, unless forced", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(2_000));
    await manager.update();
    for (const left of [999, 0]) {
      answers.set("a", listing(left));
      await manager.update();
      assert.equal(scene.state("a").entries, 2_000);
      assert.match(scene.state("a").error ?? "", /^lost [\d,]+ of 2,000 entries at once$/);
    }
    answers.set("a", listing(1_000));
    await manager.update();
    assert.equal(scene.state("a").entries, 1_000);
    answers.set("a", listing(0));
    await manager.update();
    assert.equal(scene.state("a").entries, 0, "a short feed may be empty");
    answers.set("a", listing(5_000));
    await manager.update();
    answers.set("a", listing(7));
    await manager.update(["a"], true);
    assert.equal(scene.state("a").entries, 7);
    assert.equal(scene.state("a").status, "ok");
    answers.set("a", listing(5_000));
    await manager.update();
    answers.set("a", listing(7));
    await manager.update();
    assert.equal(scene.state("a").entries, 5_000, "force holds once");
  });
});

Deno.test("feed manager: a fetch waits for the copy that it is held against", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(5_000));
    await manager.update();
    answers.set("a", listing(7));
    const next = scene.open();
    next.configure([feed("a")]);
    await Promise.all([next.load(), next.update()]);
    assert.equal(scene.fetches[1].known.etag, '"5000"');
    assert.equal(next.states()[0].entries, 5_000);
  });
});

Deno.test("feed manager: another form keeps the old list, unless it is asked for", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(["11.0.0.1"]));
    await manager.update();
    answers.set("a", listing(["11.0.0.2"], { format: "tor" }));
    await manager.update();
    assert.equal(scene.entries(), "a: 11.0.0.1");
    assert.equal(scene.state("a").error, "changed its form from plain to tor");
    manager.configure([feed("a", { format: "tor" })]);
    await manager.update();
    assert.equal(scene.entries(), "a: 11.0.0.2");
    assert.equal(scene.fetches.at(-1)?.known.etag, null, "asked for anew");
  });
});

Deno.test("feed manager: a raised minimum may shrink a list", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a", { minimum: 1 })]);
    answers.set("a", listing(5_000));
    await manager.update();
    manager.configure([feed("a", { minimum: 9 })]);
    answers.set("a", listing(10));
    await manager.update();
    assert.equal(scene.state("a").entries, 10);
  });
});

Deno.test("feed manager: another address is another feed", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(["11.0.0.1"]));
    await manager.update();
    manager.configure([feed("a", { url: "https://example.net/" })]);
    await manager.load();
    assert.equal(scene.entries(), "");
    assert.equal(scene.state("a").status, "never");
  });
});

Deno.test("feed manager: off lets go of the list, on again has it back from the disk", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a"), feed("b")]);
    answers.set("a", listing(["11.0.0.1"]));
    answers.set("b", listing(["11.0.0.2"]));
    await manager.update();
    manager.configure([feed("b"), feed("a", { enabled: false })]);
    assert.equal(scene.entries(), "b: 11.0.0.2");
    assert.equal(scene.state("a").entries, 1);
    manager.configure([feed("b"), feed("a")]);
    await manager.load();
    assert.equal(scene.entries(), "b: 11.0.0.2; a: 11.0.0.1");
    manager.configure([feed("a", { enabled: false })]);
    manager.configure([feed("a")]);
    answers.set("a", "answered 500");
    const before = scene.changes;
    await manager.update();
    assert.equal(
      scene.entries(),
      "a: 11.0.0.1",
      "without load, the fetch looks for the copy first",
    );
    await settled();
    assert.equal(scene.changes, before + 1);
  });
});

Deno.test("feed manager: one who cannot take a list over is told of, and the list stays", async () => {
  await withScene(async (scene) => {
    const { manager, answers } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(1));
    scene.onChange = () => Promise.reject(new Error("the kernel says no"));
    await manager.update();
    assert.deepEqual(scene.log, [
      "info: threat feed a: 1 entries",
      "warn: threat feed all: not in force: the kernel says no",
    ]);
    assert.equal(scene.state("a").status, "ok");
  });
});

Deno.test("feed manager: what may not be updated", async () => {
  await withScene(async ({ manager }) => {
    manager.configure([feed("a", { enabled: false })]);
    await assert.rejects(
      manager.update(["b"]),
      (error) => error instanceof PfwError && /no feed of that name/.test(error.message),
    );
    await assert.rejects(
      manager.update(["a"]),
      (error) => error instanceof PfwError && /switched off/.test(error.message),
    );
  });
});

Deno.test("feed manager: damaged copies and a disk that is full are told, and no more", async () => {
  await withScene(async (scene) => {
    const { manager, answers, cacheDir } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(["11.0.0.1"]));
    await manager.update();
    for await (const { name } of Deno.readDir(cacheDir)) {
      await Deno.writeTextFile(`${cacheDir}/${name}`, "pfw-feed 1 x\n");
    }
    const next = scene.open();
    next.configure([feed("a")]);
    await next.load();
    assert.equal(scene.log.at(-1), "warn: threat feed a: the kept copy is damaged");
    await Deno.remove(cacheDir, { recursive: true });
    await Deno.writeTextFile(cacheDir, "in the way");
    await next.update();
    assert.equal(scene.entries(next), "a: 11.0.0.1");
    assert.match(scene.log.at(-2) ?? "", /^warn: threat feed a: cannot keep it on disk: /);
    await Deno.remove(cacheDir);
  });
});

Deno.test("feed manager: a copy that somebody deleted is kept again", async () => {
  await withScene(async (scene) => {
    const { manager, answers, cacheDir } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(["11.0.0.1"]));
    await manager.update();
    await Deno.remove(cacheDir, { recursive: true });
    answers.set("a", { kind: "unchanged" });
    await manager.update();
    const next = scene.open();
    next.configure([feed("a")]);
    await next.load();
    assert.equal(scene.entries(next), "a: 11.0.0.1");
  });
});

Deno.test("feed manager: what was refused as protected is counted with the feed", async () => {
  await withScene(async (scene) => {
    scene.manager.configure([feed("a"), feed("b")]);
    scene.answers.set("a", listing(5, { refused: { private: 1 } }));
    await scene.manager.update();
    scene.manager.setRefusedProtected(new Map([["a", 2]]));
    assert.deepEqual(scene.state("a").refused, { private: 1, protected: 2 });
    assert.equal(scene.state("a").entries, 3);
    scene.manager.setRefusedProtected(new Map());
    assert.equal(scene.state("a").entries, 5);
  });
});
