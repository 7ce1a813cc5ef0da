import assert from "node:assert/strict";
import { bar, sparkline } from "../../cli/commands/stats_bars.ts";
import { statsText } from "../../cli/commands/stats_format.ts";
import { Losses } from "../../engine/observe/losses.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { NOON, packetOf, StoreBench } from "../observe/samples.ts";
import { LineReader, runPfw, spawnPfw } from "./logs_support.ts";

const HOUR = 3_600_000;

/** A database whose last packets came at that time. */
function sampleBench(now: number): StoreBench {
  const bench = new StoreBench();
  for (let packet = 0; packet < 12; packet++) {
    bench.block({ time: now, source: `203.0.113.${1 + packet % 2}`, length: 1_000 });
  }
  bench.block({ time: now - 2 * HOUR, reason: Reason.threat, source: "2001:db8::1" });
  for (let packet = 0; packet < 1_500; packet++) bench.allow({ time: now - HOUR, length: 1_400 });
  bench.flush();
  return bench;
}

/** Stands in for the running pfw on its control socket. */
function standIn(directory: string, status: number, body: unknown): AsyncDisposable {
  Deno.mkdirSync(`${directory}/run`, { recursive: true });
  const path = `${directory}/run/pfw.sock`;
  return Deno.serve({ path, onListen: () => {} }, (request) => {
    const isAsked = new URL(request.url).pathname === "/stats";
    return Response.json(body, { status: isAsked ? status : 404 });
  });
}

function runningStats() {
  const totals = new Totals();
  totals.allowed(packetOf(), Reason.defaultPolicy);
  const losses = new Losses();
  losses.nflogLost = 1_234;
  losses.rowsCoalesced = 7;
  return {
    since: new Date(NOON - 3 * HOUR).toISOString(),
    mode: "enforce",
    totals: totals.toJSON(),
    losses: losses.toJSON(),
  } as const;
}

Deno.test("stats: every section as text", () => {
  using bench = sampleBench(NOON);
  using reader = StoreReader.open(bench.path)!;
  const stored = {
    ...reader.stats(new Date(NOON)),
    since: new Date(NOON - 48 * HOUR).toISOString(),
  };
  const stats = { database: bench.path, stored, running: runningStats() };
  // Times are local: written here as they are in whatever zone this runs in.
  const local = (time: number) => {
    const shifted = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
    return shifted.toISOString().slice(0, 19).replace("T", " ");
  };
  const hour = (time: number) => local(Math.floor(time / HOUR) * HOUR).slice(0, 16);
  assert.equal(
    statsText(stats, new Date(NOON)),
    `pfw is running, enforcing, since ${local(NOON - 3 * HOUR)} (3 h 0 min)
counted since ${local(NOON - 48 * HOUR)}

Packets
         in all    bytes  since start
allowed   1,500   2.1 MB            1
blocked      13  12.1 kB            0

Blocked by reason
Reason               Blocked
Rule                      12
Threat intelligence        1

Top blocked addresses
Address      Blocked  Last reason          Last seen
203.0.113.1        6  Rule                 ${local(NOON)}
203.0.113.2        6  Rule                 ${local(NOON)}
2001:db8::1        1  Threat intelligence  ${local(NOON - 2 * HOUR)}

Last 24 hours
allowed  ······················█·
blocked  ·····················▁·█
Hour              Allowed  Blocked
${hour(NOON - 2 * HOUR)}        0        1  ██
${hour(NOON - HOUR)}    1,500        0
${hour(NOON)}        0       12  ████████████████████████

Losses since start
Number  What
 1,234  drops counted by the kernel, not reported one by one
     7  packets that share a row (counted in its hits)
`,
  );
});

Deno.test("stats: would-block has a column of its own, and only where it occurs", () => {
  using bench = new StoreBench();
  bench.block({ time: NOON });
  bench.totals.hourly.clear();
  bench.totals.wouldBlock(packetOf({ time: NOON }), Reason.rule);
  bench.store.flush({ wouldBlock: bench.blocked, counts: bench.totals.hourly, names: bench.names });
  using reader = StoreReader.open(bench.path)!;
  const stored = reader.stats(new Date(NOON));
  const text = statsText({ database: bench.path, stored, running: undefined }, new Date(NOON));
  assert.match(text, /^pfw is not running; these are the figures of its past runs\n/);
  assert.match(text, /\nblocked +0 .*\nwould block +1 /);
  assert.match(text, /\nReason +Blocked +Would block\nRule +0 +1\n/);
  assert.doesNotMatch(text, /Losses/);
});

Deno.test("stats: a sparkline is highest where the value is, and a dot for nothing", () => {
  assert.equal(sparkline([0, 1, 4, 8]), "·▂▅█");
  assert.equal(sparkline([0, 0]), "··");
  assert.equal(sparkline([1_000_000, 1]), "█▁");
});

Deno.test("stats: a bar is as long as its value, and never gone for one", () => {
  assert.deepEqual([0, 1, 50, 99, 100].map((value) => bar(value, 100, 4)), [
    "",
    "▏",
    "██",
    "████",
    "████",
  ]);
  assert.equal(bar(1, 1_000_000, 4), "▏");
  assert.equal(bar(5, 0, 4), "");
});

Deno.test("stats --json: one document, without pfw running", async () => {
  using bench = sampleBench(Date.now());
  const { code, out, err } = await runPfw(bench.directory, ["stats", "--json"]);
  assert.deepEqual([code, err], [0, ""]);
  const stats = JSON.parse(out);
  assert.deepEqual(stats.totals, {
    packets: 1_513,
    bytes: 2_112_060,
    allowed: 1_500,
    allowedBytes: 2_100_000,
    blocked: 13,
    blockedBytes: 12_060,
    wouldBlock: 0,
    wouldBlockBytes: 0,
    undecodable: 0,
  });
  assert.deepEqual(stats.byReason.threat, { allowed: 0, blocked: 1, wouldBlock: 0 });
  assert.deepEqual(
    stats.topBlocked.map((row: { address: string; blocked: number }) => [row.address, row.blocked]),
    [["203.0.113.1", 6], ["203.0.113.2", 6], ["2001:db8::1", 1]],
  );
  assert.equal(stats.hours.length, 24);
  assert.equal(stats.hours[22].allowed + stats.hours[23].allowed, 1_500);
  assert.deepEqual([stats.running, stats.losses, stats.otherBlocked], [null, null, 0]);
});

Deno.test("stats: the running pfw adds its losses", async () => {
  using bench = sampleBench(NOON);
  await using _running = standIn(bench.directory, 200, runningStats());
  const json = await runPfw(bench.directory, ["stats", "--json"]);
  const { losses, running } = JSON.parse(json.out);
  assert.equal(losses.nflogLost, 1_234);
  assert.equal(running.mode, "enforce");
  const { out } = await runPfw(bench.directory, ["stats"]);
  assert.match(out, /^pfw is running, enforcing, since 2026-01-31 09:00:00 \(/);
  assert.match(out, /\n 1,234 {2}drops counted by the kernel, not reported one by one\n/);
});

Deno.test("stats: an answer that is none is one clear error", async () => {
  using bench = new StoreBench();
  await using _running = standIn(bench.directory, 500, { error: "x" });
  const { code, err } = await runPfw(bench.directory, ["stats"]);
  assert.equal(err, "pfw: no figures from the running pfw: it answered with 500\n");
  assert.equal(code, 1);
});

Deno.test("stats: before anything is stored it says what to do; JSON is whole", async () => {
  using bench = new StoreBench();
  const { code, out, err } = await runPfw(bench.directory, ["stats"]);
  assert.match(out, /^nothing counted yet: .*sudo pfw start\n$/);
  assert.deepEqual([code, err], [0, ""]);
  const json = JSON.parse((await runPfw(bench.directory, ["stats", "--json"])).out);
  assert.equal(json.totals.packets, 0);
  assert.deepEqual(json.topBlocked, []);
});

Deno.test("stats --watch --json: a document a line until Ctrl-C", async () => {
  using bench = sampleBench(NOON);
  const child = spawnPfw(bench.directory, ["stats", "--watch", "--json"]);
  const lines = new LineReader(child.stdout);
  assert.equal(JSON.parse(await lines.next()).totals.blocked, 13);
  bench.block();
  bench.flush();
  assert.equal(JSON.parse(await lines.next()).totals.blocked, 14);
  child.kill("SIGINT");
  await lines.rest();
  await child.stderr.cancel();
  assert.equal((await child.status).code, 0);
});
