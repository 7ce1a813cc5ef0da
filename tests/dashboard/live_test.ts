/** Rows and events for pages: few, in order, and enough to catch up. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Changed, Hello, LiveRow, Tick } from "../../dashboard/contract.ts";
import { EventStream, MOST_PAGES } from "../../dashboard/live/event_stream.ts";
import { LiveFeed } from "../../dashboard/live/live_feed.ts";
import { KEPT_ROWS, LiveRows, ROWS_PER_TICK } from "../../dashboard/live/live_rows.ts";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { Direction, Protocol } from "../../engine/packet/packet.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { addTo, NOON, packetOf } from "../observe/samples.ts";
import { Firewall } from "./firewall.ts";

const none = new EventBuffer(16);

function bufferOf(count: number, budget = 4_096): EventBuffer {
  const events = new EventBuffer(4_096, budget);
  for (let at = 0; at < count; at++) addTo(events, { sourcePort: 1_000 + at });
  return events;
}

function rowsOf(firewall: Firewall): LiveRows {
  return new LiveRows({ view: firewall.view, interfaceName: (index) => `eth${index}` });
}

Deno.test("live rows: a row says what the database will say", () => {
  using firewall = new Firewall();
  firewall.enforcement.mode = "enforce";
  const rows = rowsOf(firewall), events = new EventBuffer(16);
  const detail = firewall.view.details.intern("0123abcd", "No <b>Telnet</b>");
  addTo(events, { detail, reason: Reason.rule });
  addTo(events, {
    source: "2001:db8::1",
    destination: "2001:db8::2",
    protocol: Protocol.icmpv6,
    reason: Reason.invalid,
    direction: Direction.outgoing,
  });
  rows.collect(events, none);
  deepEqual(rows.take().rows, [
    {
      seq: 1,
      at: NOON,
      src_ip: "198.51.100.7",
      dst_ip: "192.0.2.1",
      src_port: 40_000,
      dst_port: 23,
      protocol: "tcp",
      reason: "Rule: No <b>Telnet</b>",
      reason_code: "rule",
      rule_id: "0123abcd",
      direction: "incoming",
      interface: "eth2",
      hits: 1,
      action: "blocked",
    },
    {
      seq: 2,
      at: NOON,
      src_ip: "2001:db8::1",
      dst_ip: "2001:db8::2",
      src_port: null,
      dst_port: null,
      protocol: "icmpv6",
      reason: "Invalid state",
      reason_code: "invalid",
      rule_id: null,
      direction: "outgoing",
      interface: "eth2",
      hits: 1,
      action: "blocked",
    },
  ]);
  firewall.enforcement.mode = "monitor";
  rows.collect(events, none);
  ok(rows.take().rows.every(({ action }) => action === "would_block"), "never claims a block");
});

Deno.test("live rows: of a flood a few are shown and the rest is counted", () => {
  using firewall = new Firewall();
  const rows = rowsOf(firewall);
  rows.collect(bufferOf(3_000), bufferOf(100));
  const { rows: shown, unshown } = rows.take();
  deepEqual([shown.length, unshown], [ROWS_PER_TICK, 3_000 - ROWS_PER_TICK]);
  rows.collect(none, bufferOf(100));
  ok(rows.take().rows.length < ROWS_PER_TICK, "allowed ones leave room for blocked ones");
  deepEqual(rows.take(), { rows: [], unshown: 0 });
});

Deno.test("live rows: what became one row in a flood has no address that would be wrong", () => {
  using firewall = new Firewall();
  const rows = rowsOf(firewall), events = new EventBuffer(1, 1);
  for (let at = 0; at < 500; at++) addTo(events, { source: `203.0.113.${at % 250}` });
  rows.collect(events, none);
  const { rows: shown, unshown } = rows.take();
  equal(shown.reduce((sum, { hits }) => sum + hits, 0) + unshown, 500, "the sum is exact");
  ok(shown.some(({ src_ip }) => src_ip === "*"));
});

Deno.test("live rows: a page catches up from the row that it has", () => {
  using firewall = new Firewall();
  const rows = rowsOf(firewall);
  for (let at = 0; at < 20; at++) {
    rows.collect(bufferOf(20), none);
    rows.take();
  }
  equal(rows.seq, 400);
  const seqs = ({ rows }: { rows: readonly LiveRow[] }) => [rows.length, rows[0]?.seq];
  deepEqual(seqs(rows.after(0)), [KEPT_ROWS, 201], "a new page gets the newest");
  equal(rows.after(0).missed, 0, "and misses nothing that it ever had");
  deepEqual(seqs(rows.after(390)), [10, 391]);
  deepEqual([seqs(rows.after(100)), rows.after(100).missed], [[200, 201], 100]);
  deepEqual(rows.after(400), { rows: [], missed: 0 });
  deepEqual(seqs(rows.after(5_000)), [KEPT_ROWS, 201], "a number of another start");
});

Deno.test("event stream: pages are bounded, and who goes away makes room", async () => {
  const stream = new EventStream(() => ({ event: "hello", data: {} }));
  const bodies = Array.from({ length: MOST_PAGES }, () => stream.open(0)!);
  equal(stream.open(0), undefined);
  await bodies[0].cancel();
  ok(stream.open(0));
  equal(stream.size, MOST_PAGES);
  stream.end({ event: "bye", data: { kept: false } });
  equal(stream.size, 0);
});

Deno.test("event stream: who does not read misses messages and then begins anew", async () => {
  let hellos = 0;
  const stream = new EventStream(() => ({ event: "hello", data: ++hellos, id: 7 }));
  const reader = stream.open(3)!.pipeThrough(new TextDecoderStream()).getReader();
  for (let at = 0; at < 1_000; at++) stream.send({ event: "tick", data: at });
  let text = "";
  while (!text.includes("data: 5\n")) text += (await reader.read()).value ?? "";
  await new Promise((resolve) => setTimeout(resolve));
  stream.send({ event: "tick", data: "after" });
  stream.end({ event: "bye", data: "end" });
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  match(text, /^id: 7\nevent: hello\ndata: 1\n\nevent: tick\ndata: 0\n\n/);
  ok(!text.includes("data: 999\n"), "what did not fit was not kept");
  match(text, /event: hello\ndata: 2\n\n/, "a fresh start in its place");
  ok(text.endsWith('event: bye\ndata: "end"\n\n'));
});

/** Reads events until one fits. */
async function next<T>(
  reader: ReadableStreamDefaultReader<string>,
  name: string,
  fits: (data: T) => boolean = () => true,
): Promise<T> {
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`no ${name} came: ${text}`);
    text += value;
    for (const event of text.split("\n\n").slice(0, -1)) {
      if (!event.includes(`event: ${name}\n`)) continue;
      const data = JSON.parse(event.split("data: ")[1]);
      if (fits(data)) return data;
    }
    text = text.slice(text.lastIndexOf("\n\n") + 2);
  }
}

Deno.test("live feed: greets, sums up, tells of changes once, and says good-bye", async () => {
  using firewall = new Firewall();
  const { view } = firewall;
  const feed = new LiveFeed({
    version: "1.2.3",
    since: new Date(NOON),
    view,
    interfaceName: () => "eth0",
  });
  const reader = feed.stream.open(0)!.pipeThrough(new TextDecoderStream()).getReader();
  const hello = await next<Hello>(reader, "hello");
  deepEqual([hello.version, hello.mode, hello.since, hello.rows], ["1.2.3", "monitor", NOON, []]);
  const packet = packetOf({});
  for (let at = 0; at < 10; at++) {
    view.totals.seen(packet);
    view.totals.wouldBlock(packet, Reason.rule);
    view.blocked.add(packet, new Uint8Array(40), Reason.rule);
  }
  feed.collect();
  for (let at = 0; at < 50; at++) feed.change("bans");
  feed.change("config", "rules changed");
  for (const text of ["banned A", "banned B", "banned B", "banned C"]) feed.notice(text);
  const tick = await next<Tick>(reader, "tick", ({ rows }) => rows.length > 0);
  deepEqual([tick.counts, tick.rows.length], [{ allowed: 0, blocked: { rule: 10 } }, 10]);
  deepEqual([tick.totals.packets, tick.totals.wouldBlock, tick.totals.blocked], [10, 10, 0]);
  const changed = await next<Changed>(reader, "changed");
  deepEqual(changed, {
    what: ["bans", "config"],
    notice: "rules changed; banned A; banned B; and 1 more",
  });
  equal(feed.series("5m").blocked.rule?.reduce((sum, value) => sum + value, 0), 10);
  feed.end({ kept: true });
  deepEqual(await next(reader, "bye"), { kept: true });
  equal((await reader.read()).done, true);
});

Deno.test("live feed: what happened while nobody looked is no news to who comes later", async () => {
  using firewall = new Firewall();
  const feed = new LiveFeed({
    version: "1.2.3",
    since: new Date(NOON),
    view: firewall.view,
    interfaceName: () => "eth0",
  });
  feed.change("bans", "somebody was banned");
  // Longer than the feed goes without a look at what there is.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const reader = feed.stream.open(0)!.pipeThrough(new TextDecoderStream()).getReader();
  feed.change("config");
  deepEqual(await next<Changed>(reader, "changed"), { what: ["config"] });
  feed.end({ kept: true });
  await next(reader, "bye");
  await reader.read();
});
