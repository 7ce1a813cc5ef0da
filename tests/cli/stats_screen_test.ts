import assert from "node:assert/strict";
import fc from "fast-check";
import { Rates } from "../../cli/commands/stats_rates.ts";
import { type Watched, watchLines } from "../../cli/commands/stats_screen.ts";
import { drawing } from "../../cli/screen.ts";
import { textWidth } from "../../cli/text_width.ts";
import { Losses } from "../../engine/observe/losses.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { NOON, packetOf, StoreBench } from "../observe/samples.ts";

const HOUR = 3_600_000;

/** A pfw that has run for a while, watched for some seconds. */
function watched(bench: StoreBench, seconds: number): Watched {
  for (let packet = 0; packet < 12; packet++) {
    bench.block({ time: NOON, source: `203.0.113.${1 + packet % 2}` });
  }
  const v6 = "2001:db8:1234:5678:9abc:def0:1234:5678";
  bench.block({ time: NOON - 2 * HOUR, reason: Reason.threat, source: v6, destination: v6 });
  bench.allow({ time: NOON - HOUR });
  bench.flush();
  using reader = StoreReader.open(bench.path)!;
  const totals = new Totals();
  totals.allowed(packetOf(), Reason.defaultPolicy);
  const rates = new Rates();
  for (let second = 0; second <= seconds; second++) {
    rates.add({ time: 1000 * second, allowed: second ** 2, blocked: 3 * second });
  }
  const running = {
    since: new Date(NOON - 3 * HOUR).toISOString(),
    mode: "enforce",
    totals: totals.toJSON(),
    losses: new Losses().toJSON(),
  } as const;
  const stats = { database: bench.path, stored: reader.stats(new Date(NOON)), running };
  return { stats, rates, trouble: "", now: new Date(NOON) };
}

Deno.test("stats --watch: no line is wider than the terminal, whatever its size", () => {
  using bench = new StoreBench();
  const screen = watched(bench, 700);
  const property = fc.property(fc.integer({ min: 20, max: 300 }), (columns) => {
    for (const line of watchLines(screen, { columns, rows: 40 })) {
      assert.ok(textWidth(line) <= columns, `${columns}: ${line}`);
    }
  });
  fc.assert(property);
});

Deno.test("stats --watch: at 80 columns one below the other, at 140 side by side", () => {
  using bench = new StoreBench();
  const screen = watched(bench, 4);
  const narrow = watchLines(screen, { columns: 80, rows: 40 });
  assert.equal(textWidth(narrow[0]), 80);
  assert.match(narrow[0], /^pfw is running, enforcing, since .* \d\d:00:00$/);
  const at = (title: string) => narrow.indexOf(title);
  assert.deepEqual(narrow.slice(at("Each second of the last 4 s")).slice(1, 3), [
    "allowed  ▂▄▆█",
    "blocked  ████",
  ]);
  assert.equal(narrow[at("Each hour of the last 24") + 1], `allowed  ${"·".repeat(44)}██··`);
  assert.ok(at("Top blocked addresses") > at("Blocked by reason"));
  assert.ok(narrow.some((line) => line.startsWith("2001:db8:1234:5678:9abc:def0:1234:5678  ")));
  const wide = watchLines(screen, { columns: 140, rows: 40 });
  assert.ok(wide.some((line) => /^Blocked by reason +Top blocked addresses$/.test(line)));
});

Deno.test("stats --watch: a pfw that does not run, and trouble, are said", () => {
  using bench = new StoreBench();
  const screen = watched(bench, 0);
  const stats = { ...screen.stats, running: undefined };
  const trouble = "no new figures: it answered with 500";
  const lines = watchLines({ ...screen, stats, trouble }, { columns: 80, rows: 40 });
  assert.match(lines[0], /^pfw is not running/);
  assert.ok(lines.includes(trouble));
  assert.ok(!lines.some((line) => line.startsWith("Each second")));
});

Deno.test("a drawing covers the last one without a blank moment, and never the last column", () => {
  const size = { columns: 4, rows: 3 };
  assert.equal(
    drawing(["full", "ab", "too long", "unseen"], size),
    "\x1b[?2026h\x1b[Hfull\r\nab\x1b[K\r\ntoo…\x1b[?2026l",
  );
  assert.equal(drawing(["full"], size), "\x1b[?2026h\x1b[Hfull\r\n\x1b[J\x1b[?2026l");
});

Deno.test("rates: by the time between samples, a restart counted from zero", () => {
  const rates = new Rates();
  rates.add({ time: 0, allowed: 100, blocked: 0 });
  rates.add({ time: 2_000, allowed: 300, blocked: 1 });
  rates.add({ time: 2_050, allowed: 900, blocked: 1 });
  rates.add({ time: 3_000, allowed: 310, blocked: 1 });
  assert.deepEqual([rates.allowed, rates.blocked], [[100, 10], [0.5, 0]]);
  rates.add({ time: 4_000, allowed: 5, blocked: 0 });
  assert.deepEqual([rates.allowed.at(-1), rates.blocked.at(-1)], [5, 0]);
  rates.pause();
  rates.add({ time: 9_000, allowed: 1_000, blocked: 0 });
  assert.equal(rates.allowed.length, 3);
  for (let second = 10; second < 1_000; second++) {
    rates.add({ time: 1000 * second, allowed: 1_000, blocked: 0 });
  }
  assert.equal(rates.allowed.length, 600, "no more than a wide terminal shows");
});
