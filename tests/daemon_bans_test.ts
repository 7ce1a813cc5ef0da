/** What the running firewall says of bans that it could not deal with. */
import assert from "node:assert/strict";
import { DaemonBans } from "../engine/daemon_bans.ts";
import type { Detection } from "../engine/detect/detection.ts";
import { Detectors } from "../engine/detect/detectors.ts";
import { type AppLog, openLog } from "../engine/observe/application_log.ts";
import { EventDetails } from "../engine/observe/event_details.ts";
import { resolvePaths } from "../engine/paths.ts";
import { Matcher } from "../engine/policy/matcher.ts";
import { BookBench } from "./bans/book_bench.ts";
import { detection } from "./detect/scene.ts";
import { policy } from "./support/policies.ts";

/** Detectors that found what a test says. */
class Found extends Detectors {
  #found: readonly Detection[] = [];
  left = 0;

  constructor() {
    super(detection());
  }

  find(...found: Detection[]): void {
    this.#found = found;
  }

  override get suppressed(): number {
    return this.left;
  }

  override take(): readonly Detection[] {
    const found = this.#found;
    this.#found = [];
    return found;
  }
}

/** Bans that a kernel which takes everything enforces, or nobody. */
class Bans implements Disposable {
  readonly bench = new BookBench({ limit: 2 });
  readonly detectors = new Found();
  readonly notices: string[] = [];
  readonly log: AppLog;
  readonly bans: DaemonBans;

  constructor({ isEnforcing = true } = {}) {
    this.log = openLog(resolvePaths({ logDir: this.bench.directory }));
    this.bans = new DaemonBans({
      book: this.bench.book,
      detectors: this.detectors,
      matcher: new Matcher(policy()),
      details: new EventDetails(),
      log: this.log,
      enforcement: isEnforcing
        ? { setBans: () => {}, changeBans: () => Promise.resolve() }
        : undefined,
      notice: (text) => this.notices.push(text),
    });
  }

  /** What the log says, without times. */
  logged(): string[] {
    const text = Deno.readTextFileSync(`${this.bench.directory}/firewall.log`);
    return text.trim().split("\n").map((line) => line.slice(25));
  }

  [Symbol.dispose](): void {
    this.log.close();
    this.bench[Symbol.dispose]();
  }
}

Deno.test("sources and bans that were too many are told of, once a minute", async () => {
  using world = new Bans();
  const { bench, bans, detectors } = world;
  const minute = () => {
    for (let second = 0; second < 60; second++) bans.tick();
  };
  detectors.find(
    ...["203.0.113.1", "203.0.113.2", "203.0.113.3"].map((one) => bench.detection(one)),
  );
  bans.act();
  // The kernel takes them meanwhile, and then they are told of.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(world.notices.length, 2);
  assert.equal(bans.size, 2);
  detectors.left = 1_234;
  minute();
  const told = [
    "WARNING too many sources at once: 1,234 times one was found and not banned",
    "WARNING too many bans: 1 ended early to make room for newer ones",
  ];
  assert.deepEqual(world.logged().filter((line) => line.includes("too many")), told);
  minute();
  assert.deepEqual(world.logged().filter((line) => line.includes("too many")), told, "once");
});

Deno.test("while pfw only looks on, a ban is said to be remembered and not enforced", async () => {
  for (const isEnforcing of [true, false]) {
    using world = new Bans({ isEnforcing });
    await world.bans.add({ addresses: ["203.0.113.9"], seconds: 3_600, reason: "by hand" });
    const claim = "banned 203.0.113.9 for 60 min: by hand";
    const told = isEnforcing ? claim : `${claim} (remembered, not enforced)`;
    assert.deepEqual(world.notices, [told]);
    assert.deepEqual(world.logged().at(-1), `WARNING ${told}`);
  }
});
