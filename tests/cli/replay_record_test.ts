/** `start --read FILE --record`: every row is in the database, or it is said which are not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Store } from "../../engine/observe/store.ts";
import { Sandbox } from "../support/sandbox.ts";
import { udpCapture } from "../support/udp_capture.ts";

/** Several batches, and some rows more. */
const PACKETS = 20_001;

function boxWith(capture: Uint8Array): Sandbox {
  const box = new Sandbox();
  box.writeConfig({
    rules: [{ name: "Telnet", action: "block", protocol: "udp", ports: [23] }],
    rate_limit: { enabled: false },
  });
  Deno.writeFileSync(box.path("day.pcap"), capture);
  return box;
}

/** Runs `start --read --record`. */
function record(box: Sandbox, ...more: string[]) {
  return box.pfw("start", "--read", box.path("day.pcap"), "--record", "--json", ...more);
}

function database({ paths }: Sandbox): DatabaseSync {
  return new DatabaseSync(paths.database);
}

/** What the tables tell of packets. */
function sumsIn(box: Sandbox): Record<string, unknown> {
  using db = database(box);
  return db.prepare(
    `SELECT (SELECT count(*) FROM blocked_packets WHERE reason = 'Rule: Telnet') AS rows,
       (SELECT sum(hits) FROM blocked_packets) AS hits,
       (SELECT sum(packets) FROM totals WHERE action = 'would_block') AS totals,
       (SELECT sum(packets) FROM hours WHERE action = 'would_block') AS hours,
       (SELECT sum(would_block) FROM blocked_addresses) AS addresses,
       (SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok') AS whole`,
  ).get()!;
}

function sums(packets: number) {
  return {
    rows: packets,
    hits: packets,
    totals: packets,
    hours: packets,
    addresses: packets,
    whole: 1,
  };
}

Deno.test("replay --record: every packet has its row, in order, and the sums agree", async () => {
  await using box = boxWith(udpCapture(PACKETS));
  for (let run = 1; run <= 2; run++) {
    const { code, out, err } = await record(box);
    assert.deepEqual([code, err], [0, ""]);
    assert.equal(JSON.parse(out).blocked, PACKETS);
    assert.deepEqual({ ...sumsIn(box) }, sums(run * PACKETS));
  }
  const names = [...Deno.readDirSync(box.paths.dataDir)].map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.startsWith("firewall.db")), ["firewall.db"]);
  using db = database(box);
  const times = db.prepare("SELECT time FROM blocked_rows ORDER BY id LIMIT ?").all(PACKETS);
  assert.ok(times.every(({ time }, at) => Number(time) === (1_700_000_000 + at) * 1000));
});

Deno.test("replay --record: rows of a capture that is broken are stored up to there", async () => {
  await using box = boxWith(udpCapture(5_000).subarray(0, -10));
  const { code, err } = await record(box);
  assert.equal(code, 1);
  assert.match(err, /^pfw: cannot read [^\n]* to its end: [^\n]+\n$/);
  assert.deepEqual({ ...sumsIn(box) }, sums(4_999));
});

Deno.test("replay --record: a database that cannot be opened is refused in one line", async () => {
  await using box = boxWith(udpCapture(10));
  Deno.mkdirSync(box.paths.database, { recursive: true });
  const { code, out, err } = await record(box);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(
    err,
    /^pfw: cannot open database [^\n]+: [^\n]+; choose another directory with --data-dir\n$/,
  );
});

Deno.test("replay --record: a damaged database is moved aside, and that is said", async () => {
  await using box = boxWith(udpCapture(10));
  Deno.mkdirSync(box.paths.dataDir, { recursive: true });
  Deno.writeTextFileSync(box.paths.database, "not a database ".repeat(1_000));
  const { code, err } = await record(box);
  assert.equal(code, 0);
  assert.match(err, /^pfw: database [^\n]+ was damaged: moved to [^\n]+, started a fresh one\n$/);
  assert.deepEqual({ ...sumsIn(box) }, sums(10));
});

Deno.test("replay --record: a database that another program locks is waited for", async () => {
  await using box = boxWith(udpCapture(PACKETS));
  makeDatabase(box);
  using other = database(box);
  other.exec("BEGIN IMMEDIATE");
  const recorded = record(box);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  other.exec("ROLLBACK");
  assert.equal((await recorded).code, 0);
  assert.deepEqual({ ...sumsIn(box) }, sums(PACKETS));
});

Deno.test("replay --record: rows that cannot be stored are told, with the verdicts", async () => {
  await using box = boxWith(udpCapture(PACKETS));
  makeDatabase(box);
  using other = database(box);
  other.exec("BEGIN IMMEDIATE");
  const { code, out, err } = await record(box);
  other.exec("ROLLBACK");
  assert.equal(code, 1);
  assert.equal(JSON.parse(out).blocked, PACKETS);
  assert.match(
    err,
    /cannot store every row in [^\n]+: another program holds its lock; 20,001 rows \(20,001 packets\) are not in it\n$/,
  );
});

function makeDatabase({ paths }: Sandbox): void {
  Deno.mkdirSync(paths.dataDir, { recursive: true });
  Store.open(join(paths.dataDir, "firewall.db")).close();
}
