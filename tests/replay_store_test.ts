/** The thread that writes a replay's rows: few batches wait for it, and its end is no silence. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PfwError } from "../engine/errors.ts";
import { EventBuffer } from "../engine/observe/event_buffer.ts";
import { EventDetails } from "../engine/observe/event_details.ts";
import { HourlyCounts, PacketAction } from "../engine/observe/hourly_counts.ts";
import { Reason } from "../engine/policy/verdict.ts";
import { ReplayStore } from "../engine/replay_store.ts";
import { addTo, NOON } from "./observe/samples.ts";

async function inDirectory(run: (path: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "pfw-replay-" });
  try {
    await run(join(directory, "firewall.db"));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("replay store: batches are written in order, with the details each came with", async () => {
  await inDirectory(async (path) => {
    const store = await ReplayStore.open(path);
    const wouldBlock = new EventBuffer(1_000, 1_000), allowed = new EventBuffer(10, 10);
    const counts = new HourlyCounts(), details = new EventDetails();
    for (let batch = 0; batch < 10; batch++) {
      const detail = details.intern(`0000000${batch % 4}`, `Rule ${batch % 4}`);
      for (let row = 0; row < 500; row++) {
        addTo(wouldBlock, { detail, time: NOON + batch });
        counts.add(NOON / 1000, PacketAction.wouldBlock, Reason.rule, 1, 60);
      }
      await store.write({ wouldBlock, allowed, counts, details });
      wouldBlock.clear();
    }
    await store.settle();
    using db = new DatabaseSync(path, { readOnly: true });
    const rows = db.prepare("SELECT timestamp, reason FROM blocked_packets ORDER BY id").all();
    const written = rows.map(({ timestamp, reason }) => [timestamp, reason]);
    const expected = Array.from({ length: 5_000 }, (_, row) => {
      const batch = Math.floor(row / 500);
      return [new Date(NOON + batch).toISOString(), `Rule: Rule ${batch % 4}`];
    });
    assert.deepEqual(written, expected);
    const sum = db.prepare("SELECT sum(packets) AS sum FROM totals").get()?.sum;
    assert.equal(sum, 5_000, "committed before the store is closed");
    await store.close();
    assert.deepEqual([store.notices, store.lost], [[], undefined]);
  });
});

Deno.test("replay store: a thread that fails is an error to whoever waits for it", async () => {
  await inDirectory(async (path) => {
    const store = await ReplayStore.open(path);
    const events = new EventBuffer(10);
    // What no thread can make sense of.
    const counts = { take: () => new Map([[1, "nonsense"]]) } as unknown as HourlyCounts;
    const batch = { wouldBlock: events, allowed: events, counts, details: new EventDetails() };
    const failure = (error: unknown) => {
      assert.ok(error instanceof PfwError);
      assert.match(error.message, /^cannot write to database .*: .*not a function/);
      return true;
    };
    await store.write(batch);
    await assert.rejects(store.settle(), failure);
    await assert.rejects(async () => {
      await store.write(batch);
      await store.settle();
    }, failure);
    await store.close();
  });
});
