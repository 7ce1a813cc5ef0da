/** What is handed to another thread is what was there. */
import assert from "node:assert/strict";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { EventColumns } from "../../engine/observe/event_columns.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { HourlyCounts } from "../../engine/observe/hourly_counts.ts";
import { addTo, NOON } from "./samples.ts";

const COLUMNS = [
  "rowHits",
  "wireLength",
  "tcpFlags",
  "hash",
  "hash64",
  "seconds",
  "microseconds",
  "family",
  "addresses",
  "sourcePort",
  "destinationPort",
  "protocol",
  "reason",
  "detail",
  "direction",
  "interfaceIndex",
  "mixed",
] as const;

Deno.test("event columns: packed rows are the rows, and nothing else", () => {
  const events = new EventBuffer(100, 10);
  for (let packet = 0; packet < 60; packet++) {
    addTo(events, {
      time: NOON + packet * 77,
      source: packet % 3 === 0 ? `2001:db8::${packet.toString(16)}` : `198.51.100.${packet % 2}`,
      sourcePort: 1_000 + packet,
      destinationPort: 20 + packet % 2,
      protocol: packet % 4 === 0 ? 17 : 6,
      length: 60 + packet,
      detail: packet % 4,
      interfaceIndex: packet % 2,
      bytes: new Uint8Array(40).fill(packet),
    });
  }
  const packed = events.pack(), rows = EventColumns.unpack(packed);
  assert.ok(events.count > 10 && events.count < 60, "some of them share rows");
  assert.deepEqual([rows.count, rows.hits], [events.count, 60]);
  for (const name of COLUMNS) {
    const each = events[name].length / events.rowHits.length;
    assert.deepEqual(rows[name], events[name].slice(0, each * events.count), name);
  }
  const last = events.count - 1;
  assert.equal(rows.timeOf(last), events.timeOf(last));
  const bytes = packed.memory.byteLength;
  assert.ok(bytes < 100 * events.count, `${bytes} bytes of ${events.count} rows`);
});

Deno.test("event columns: no rows are no rows", () => {
  const rows = EventColumns.unpack(new EventBuffer(10).pack());
  assert.deepEqual([rows.count, rows.hits, rows.seconds.length], [0, 0, 0]);
});

Deno.test("hourly counts: what is taken is added elsewhere, once", () => {
  const here = new HourlyCounts(), there = new HourlyCounts(), both = new HourlyCounts();
  for (let batch = 0; batch < 3; batch++) {
    for (let packet = 0; packet < 50; packet++) {
      const figures = [1_700_000_000 + packet * 700, packet % 4, packet % 3, 1, packet] as const;
      here.add(...figures);
      both.add(...figures);
    }
    there.addAll(structuredClone(here.take()));
    assert.deepEqual([...here.entries()], []);
  }
  assert.deepEqual([...there.entries()], [...both.entries()]);
});

Deno.test("event details: whoever is told of them in order has the same numbers", () => {
  const here = new EventDetails(), there = new EventDetails();
  let told = 0;
  const texts = ["Telnet", "", "x".repeat(300), "Telnet", "Feed"];
  for (const [at, text] of texts.entries()) {
    here.intern(at % 2 === 0 ? "0badcafe" : "", text);
    for (const { ruleId, text } of here.from(told)) there.intern(ruleId, text);
    told = here.count;
  }
  assert.ok(told > 4);
  for (let number = 0; number <= told; number++) {
    assert.deepEqual(there.at(number), here.at(number));
  }
});
