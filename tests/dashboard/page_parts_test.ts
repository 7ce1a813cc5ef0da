/** The parts of the page that need no browser. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { LiveRow, Series, Tick } from "../../dashboard/contract.ts";
import { notices, notify } from "../../dashboard/page/parts/notices.ts";
import { toColumns } from "../../dashboard/page/chart/columns.ts";
import { RateMeter } from "../../dashboard/page/live/rate.ts";
import { Ring } from "../../dashboard/page/live/ring.ts";
import { NO_FILTER, rowTest } from "../../dashboard/page/live/row_filter.ts";
import { SpanData } from "../../dashboard/page/live/span_data.ts";
import { formatBytes, formatCount, formatRate } from "../../dashboard/page/text/number.ts";
import { BLOCKING } from "../../dashboard/page/text/reason.ts";
import { countdown, formatSpan } from "../../dashboard/page/text/time.ts";
import { visible } from "../../dashboard/page/text/visible.ts";
import { matchText, NEW_RULE, toDraft, toWords } from "../../dashboard/page/views/rule_text.ts";

Deno.test("page parts: a ring holds the newest, newest first", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 20 }),
    fc.array(fc.integer()),
    (capacity, values) => {
      const ring = new Ring<number>(capacity);
      for (const value of values) ring.push(value);
      assert.deepEqual([...ring.newest()], values.slice(-capacity).reverse());
    },
  ));
});

Deno.test("page parts: no text hides a character or turns its surroundings around", () => {
  const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !hidden.test(visible(text))));
  assert.equal(visible("a\u202Eb\nc\u{E0041}"), "a⟨U+202E⟩b⟨U+000A⟩c⟨U+E0041⟩");
  assert.equal(visible("Größe 日本語 עברית"), "Größe 日本語 עברית");
  const family = "\u{1F468}\u200D\u{1F469}\u200D\u{1F467}",
    scotland = "\u{1F3F4}" +
      "\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}";
  for (const seen of [family, scotland, "ශ්\u200Dරී"]) assert.equal(visible(seen), seen);
  // Where it joins nothing, a joiner hides.
  for (
    const [before, after] of [["pay", "pal"], ["س", "س"], ["\u{1F512}", "\u{1F512}"], ["්", ""]]
  ) {
    assert.equal(visible(`${before}\u200D${after}`), `${before}⟨U+200D⟩${after}`);
  }
  assert.equal(visible("x".repeat(5_000)).length, 401);
  assert.equal(visible(`e${"\u0301".repeat(50)}`), `e${"\u0301".repeat(4)}…`);
});

Deno.test("page parts: what went wrong gives way to no message that goes by itself", () => {
  const ends: (() => void)[] = [], { setTimeout } = globalThis;
  globalThis.setTimeout = ((end: () => void) => ends.push(end)) as unknown as typeof setTimeout;
  const texts = () => notices.value.map(({ text }) => text);
  notify({ tone: "bad", text: "told at the edge alone" });
  notify({ tone: "bad", text: "told in its form" }, true);
  for (const text of ["a", "b", "b", "c"]) notify({ tone: "info", text });
  assert.deepEqual(texts(), ["told at the edge alone", "a", "b", "c"]);
  globalThis.setTimeout = setTimeout;
  for (const end of ends) end();
  assert.deepEqual(texts(), ["told at the edge alone"]);
  for (const text of ["1", "2", "3", "4"]) notify({ tone: "bad", text });
  assert.deepEqual(texts(), ["1", "2", "3", "4"]);
  notices.value = [];
});

const SERIES: Series = {
  span: "5m",
  step: 1,
  at: [0, 1_000, 2_000],
  allowed: [1, 2, 3],
  blocked: { rule: [4, 5, 6] },
};

function tick(now: number, allowed: number, rule: number): Tick {
  const totals = { packets: 0, allowed: 0, blocked: 0, wouldBlock: 0, lost: 0 };
  return {
    now,
    seconds: 0.25,
    counts: { allowed, blocked: { rule } },
    totals,
    rows: [],
    unshown: 7,
  };
}

Deno.test("page parts: ticks carry a chart on, also over a silence", () => {
  const data = new SpanData(SERIES);
  data.add(tick(2_900, 10, 20));
  data.add(tick(3_100, 1, 2));
  assert.deepEqual(data.at, [1_000, 2_000, 3_000]);
  assert.deepEqual(data.allowed, [2, 13, 1]);
  assert.deepEqual(data.blocked.get("rule"), [5, 26, 2]);
  data.add(tick(60_500, 9, 9));
  assert.deepEqual(data.at, [58_000, 59_000, 60_000]);
  assert.deepEqual(data.allowed, [0, 0, 9]);
  // A clock that was set back takes nothing away.
  data.add(tick(30_000, 1, 0));
  assert.deepEqual(data.allowed, [0, 0, 10]);
});

Deno.test("page parts: a chart has rates, reasons on top of each other, no point too young", () => {
  const data = new SpanData({ ...SERIES, step: 10, at: [0, 10_000, 20_000] });
  const early = toColumns(data, 21_000);
  assert.deepEqual(early.at, [0, 10]);
  const late = toColumns(data, 25_000);
  assert.deepEqual(late.allowed, [0.1, 0.2, 0.6]);
  assert.deepEqual(late.stacked.at(-1), late.blocked[BLOCKING.indexOf("rule")]);
  assert.deepEqual(late.stacked[0], [0.4, 0.5, 1.2]);
});

Deno.test("page parts: the sums of a chart are of what was counted, however young the last point", () => {
  const data = new SpanData({ ...SERIES, step: 300, at: [0, 300_000, 600_000] });
  for (const now of [601_000, 661_000, 899_000]) {
    const { allowed, blocked } = toColumns(data, now).sums;
    assert.equal(allowed, 6);
    assert.equal(blocked[BLOCKING.indexOf("rule")], 15);
    assert.equal(blocked[BLOCKING.indexOf("ban")], 0);
  }
});

Deno.test("page parts: rates are those of the last two seconds", () => {
  const meter = new RateMeter();
  for (let at = 0; at < 40; at++) meter.add(tick(at * 250, at < 20 ? 1_000 : 10, 5));
  assert.deepEqual(meter.rates(), { packets: 60, allowed: 40, blocked: 20, unshown: 28 });
});

Deno.test("page parts: a filter wants every word, and knows actions and reasons", () => {
  const row = {
    seq: 1,
    at: 0,
    src_ip: "203.0.113.7",
    src_port: 4_000,
    dst_ip: "192.0.2.1",
    dst_port: 443,
    protocol: "tcp",
    reason: "Rule: No SMTP",
    reason_code: "rule",
    rule_id: null,
    direction: "incoming",
    interface: "eth0",
    hits: 1,
    action: "would_block",
  } satisfies LiveRow;
  const passes = (change: Partial<typeof NO_FILTER>) => rowTest({ ...NO_FILTER, ...change })(row);
  assert.ok(passes({ text: "SMTP 203.0.113.7:4000 eth0" }));
  assert.ok(!passes({ text: "smtp udp" }));
  assert.ok(passes({ action: "blocked", reason: "rule" }));
  assert.ok(!passes({ action: "allowed" }));
  assert.ok(!passes({ reason: "ban" }));
});

Deno.test("page parts: a rule survives its form", () => {
  const words = {
    ...NEW_RULE,
    name: " x ",
    ports: "23, 8000-8100;445",
    sources: "192.0.2.0/24 ::1",
  };
  const draft = toDraft(words);
  assert.deepEqual(draft.ports, [23, "8000-8100", 445]);
  assert.deepEqual(toDraft(toWords(draft as never)), draft);
  assert.equal(matchText(draft), "TCP to port 23, 8000-8100, 445 from 192.0.2.0/24, ::1");
  assert.deepEqual(toDraft({ ...words, protocol: "icmp" }).ports, []);
});

Deno.test("page parts: figures and times read well", () => {
  assert.equal(formatCount(1_234_567), "1,234,567");
  assert.deepEqual([0, 0.26, 9.96, 1_234.4].map(formatRate), ["0", "0.3", "10", "1,234"]);
  assert.deepEqual([999, 1_000, 142_000_000].map(formatBytes), ["999 B", "1.0 kB", "142 MB"]);
  assert.deepEqual([59, 600, 12_000, 187_200].map(formatSpan), [
    "59 s",
    "10 min",
    "3 h 20 min",
    "2 d 4 h",
  ]);
  assert.equal(countdown(59.2), "1:00");
});
