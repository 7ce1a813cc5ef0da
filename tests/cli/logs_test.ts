import assert from "node:assert/strict";
import { Direction, Protocol } from "../../engine/packet/packet.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { csvCell } from "../../cli/commands/logs_format.ts";
import { NOON, StoreBench } from "../observe/samples.ts";
import { LineReader, runPfw, spawnPfw } from "./logs_support.ts";

/** A database with one row of each kind that looks different. */
function sampleBench(): StoreBench {
  const bench = new StoreBench(20, 4);
  const telnet = bench.details.intern("0123abcd", "Block Telnet");
  const hostile = bench.details.intern("89abcdef", '=cmd|"\x1b[31m,x\n');
  bench.block({ time: NOON, detail: telnet });
  bench.block({
    time: NOON + 1_000,
    source: "192.0.2.1",
    destination: "203.0.113.53",
    protocol: Protocol.udp,
    direction: Direction.outgoing,
    destinationPort: 53,
    reason: Reason.blacklist,
  });
  bench.block({
    time: NOON + 2_000,
    source: "2001:db8::7",
    destination: "2001:db8::1",
    protocol: Protocol.icmpv6,
    reason: Reason.invalid,
  });
  bench.block({ time: NOON + 3_000, detail: hostile });
  for (let packet = 0; packet < 1_234; packet++) {
    bench.block({ time: NOON + 4_000, sourcePort: packet, reason: Reason.rateLimit });
  }
  bench.allow({ time: NOON + 5_000, destinationPort: 443 });
  bench.flush();
  return bench;
}

Deno.test("logs: the table, newest last, in local time", async () => {
  using bench = sampleBench();
  const { code, out, err } = await runPfw(bench.directory, ["logs"]);
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.equal(
    out,
    [
      "Time                     Verdict  Direction  Interface  Protocol  Source              Destination      Reason",
      "2026-01-31 12:00:00.123  blocked  incoming   eth2       tcp       198.51.100.7:40000  192.0.2.1:23     Rule: Block Telnet",
      "2026-01-31 12:00:01.123  blocked  outgoing   eth2       udp       192.0.2.1:40000     203.0.113.53:53  Blacklisted IP",
      "2026-01-31 12:00:02.123  blocked  incoming   eth2       icmpv6    2001:db8::7         2001:db8::1      Invalid state",
      '2026-01-31 12:00:03.123  blocked  incoming   eth2       tcp       198.51.100.7:40000  192.0.2.1:23     Rule: =cmd|"\\x1b[31m,x ',
      "2026-01-31 12:00:04.123  blocked  incoming   eth2       tcp       198.51.100.7        192.0.2.1:23     Rate limit exceeded ×1,234",
      "",
    ].join("\n"),
  );
  const tokyo = await runPfw(bench.directory, ["logs", "--limit", "1"], "Asia/Tokyo");
  assert.match(tokyo.out, /\n2026-01-31 21:00:04\.123 /);
});

Deno.test("logs: JSON is one array of the database's columns in UTC", async () => {
  using bench = sampleBench();
  const { out } = await runPfw(bench.directory, ["logs", "--json", "--limit", "2"], "Asia/Tokyo");
  const [first, second] = JSON.parse(out);
  assert.equal(first.reason, 'Rule: =cmd|"\x1b[31m,x\n');
  assert.match(second.packet_hash, /^[0-9a-f]{16}$/);
  assert.deepEqual({ ...second, packet_hash: "" }, {
    id: 5,
    timestamp: "2026-01-31T12:00:04.123Z",
    src_ip: "198.51.100.7",
    dst_ip: "192.0.2.1",
    src_port: null,
    dst_port: 23,
    protocol: "tcp",
    reason: "Rate limit exceeded",
    packet_hash: "",
    reason_code: "rate_limit",
    rule_id: null,
    direction: "incoming",
    interface: "eth2",
    length: 60,
    tcp_flags: 2,
    hits: 1_234,
    action: "blocked",
  });
  const allowed = await runPfw(bench.directory, ["logs", "--type", "allowed", "--format", "json"]);
  assert.deepEqual(JSON.parse(allowed.out).map((row: { dst_port: number }) => row.dst_port), [443]);
});

Deno.test("logs: CSV follows RFC 4180 and runs no formula", async () => {
  using bench = sampleBench();
  const args = ["logs", "--format", "csv", "--limit", "2"];
  const { out } = await runPfw(bench.directory, args);
  const lines = out.split("\r\n");
  assert.equal(
    lines[0],
    "id,timestamp,src_ip,dst_ip,src_port,dst_port,protocol,reason,packet_hash,reason_code," +
      "rule_id,direction,interface,length,tcp_flags,hits,action",
  );
  assert.match(lines[1], /^4,2026-01-31T12:00:03\.123Z,/);
  assert.ok(lines[1].includes(',"Rule: =cmd|""\x1b[31m,x\n",'), lines[1]);
  assert.match(lines[2], /^5,.*,,23,tcp,Rate limit exceeded,.*,1234,blocked$/);
  assert.equal(lines.at(-1), "");
});

Deno.test("logs: cells that begin like a formula become text", () => {
  for (const start of ["=", "+", "-", "@", "\t", "\r", "\n"]) {
    assert.match(csvCell(`${start}1+1`), /^"?'/, JSON.stringify(start));
  }
  assert.equal(csvCell('a "b"'), '"a ""b"""');
  assert.equal(csvCell("a\nb"), '"a\nb"');
  assert.equal(csvCell(-1), "-1");
  assert.equal(csvCell(null), "");
  assert.equal(csvCell("plain"), "plain");
});

Deno.test("logs: filters combine", async () => {
  using bench = sampleBench();
  const ids = async (...args: string[]) => {
    const { out, err } = await runPfw(bench.directory, ["logs", "--json", ...args]);
    assert.equal(err, "");
    return JSON.parse(out).map((row: { id: number }) => row.id);
  };
  assert.deepEqual(await ids("--ip", "2001:db8::/32"), [3]);
  assert.deepEqual(await ids("--ip", "198.51.100.0/24", "--reason", "rate-limit"), [5]);
  assert.deepEqual(await ids("--port", "53"), [2]);
  assert.deepEqual(await ids("--since", "2026-01-31T12:00:03Z", "--port", "23"), [4, 5]);
  assert.deepEqual(await ids("--since", "1h", "--type", "allowed"), []);
  assert.deepEqual(await ids("--limit", "0"), []);
});

Deno.test("logs: wrong words are wrong usage, each with what is expected", async () => {
  using bench = new StoreBench();
  const wrong: [string[], RegExp][] = [
    [["--ip", "1.2.3"], /--ip 1\.2\.3: not an IP address or CIDR range; write /],
    [["--port", "65536"], /--port 65536: .*write 0 to 65535/],
    [["--since", "yesterday"], /--since yesterday: neither a duration nor a time; write /],
    [["--since", "2026-13-45"], /neither a duration nor a time/],
    [["--reason", "rate_limt"], /no such reason; did you mean "rate_limit"\?/],
    [["--type", "dropped"], /Allowed choices are blocked, allowed/],
    [["--limit", "-1"], /--limit -1: not a number/],
    [["--json", "--format", "csv"], /--json contradicts --format csv/],
  ];
  const runs = wrong.map(([args]) => runPfw(bench.directory, ["logs", ...args]));
  (await Promise.all(runs)).forEach(({ code, out, err }, at) => {
    assert.match(err, wrong[at][1]);
    assert.deepEqual([code, out], [2, ""]);
    assert.equal(err.trimEnd().split("\n").length, 1);
  });
});

Deno.test("logs: without rows it says what to do, and JSON is an empty array", async () => {
  using bench = new StoreBench();
  const none = await runPfw(bench.directory, ["logs"]);
  assert.match(none.out, /^no blocked packets yet: nothing is stored in .*sudo pfw start\n$/);
  assert.deepEqual([none.code, none.err], [0, ""]);
  assert.equal((await runPfw(bench.directory, ["logs", "--json"])).out, "[]\n");
  bench.flush();
  const empty = await runPfw(bench.directory, ["logs", "--type", "allowed"]);
  assert.match(empty.out, /^no sampled allowed packets yet; pfw stats /);
  bench.block();
  bench.flush();
  const unmatched = await runPfw(bench.directory, ["logs", "--port", "9"]);
  assert.match(unmatched.out, /^no blocked packets match; /);
});

Deno.test("logs: a damaged database is one clear error", async () => {
  using bench = new StoreBench();
  Deno.writeTextFileSync(bench.path, "garbage ".repeat(1_000));
  const { code, out, err } = await runPfw(bench.directory, ["logs"]);
  assert.match(err, /^pfw: cannot read database .*: it is damaged or not a database; .*\n$/);
  assert.deepEqual([code, out], [1, ""]);
});

Deno.test("logs --follow: rows as they are written, from before the database is there", async () => {
  using bench = new StoreBench();
  const child = spawnPfw(bench.directory, ["logs", "--follow", "--json", "--port", "23"]);
  const lines = new LineReader(child.stdout);
  await new Promise((resolve) => setTimeout(resolve, 500));
  bench.block({ destinationPort: 23, source: "10.0.0.1" });
  bench.block({ destinationPort: 24, source: "10.0.0.2" });
  bench.flush();
  assert.equal(JSON.parse(await lines.next()).src_ip, "10.0.0.1");
  for (let host = 3; host < 8; host++) {
    bench.block({ destinationPort: 23, source: `10.0.0.${host}` });
    bench.flush();
    assert.equal(JSON.parse(await lines.next()).src_ip, `10.0.0.${host}`);
  }
  bench.close();
  Deno.renameSync(bench.path, `${bench.path}.aside`);
  bench.block({ destinationPort: 23, source: "10.0.0.9" });
  bench.flush();
  assert.equal(JSON.parse(await lines.next()).src_ip, "10.0.0.9", "a fresh database is followed");
  child.kill("SIGINT");
  assert.equal(await lines.rest(), "");
  await child.stderr.cancel();
  assert.equal((await child.status).code, 0);
});

Deno.test("logs --follow: the newest rows first, then new ones, each once", async () => {
  using bench = new StoreBench();
  for (let host = 1; host <= 9; host++) bench.block({ source: `10.0.0.${host}` });
  bench.flush();
  const args = ["logs", "--follow", "--format", "csv", "--limit", "2"];
  const child = spawnPfw(bench.directory, args);
  const lines = new LineReader(child.stdout);
  assert.match(await lines.next(), /^id,timestamp,/);
  assert.match(await lines.next(), /^8,/);
  assert.match(await lines.next(), /^9,/);
  bench.block();
  bench.flush();
  assert.match(await lines.next(), /^10,/);
  child.kill("SIGTERM");
  assert.equal(await lines.rest(), "");
  await child.stderr.cancel();
  assert.equal((await child.status).code, 0);
});

Deno.test("logs --follow: goes on when pfw ends and starts again", async () => {
  using bench = new StoreBench();
  bench.block({ source: "10.0.0.1" });
  bench.flush();
  const child = spawnPfw(bench.directory, ["logs", "--follow", "--json"]);
  const lines = new LineReader(child.stdout);
  assert.equal(JSON.parse(await lines.next()).src_ip, "10.0.0.1");
  for (let host = 2; host < 6; host++) {
    // Some looks at the database, then the writer leaves it and comes back.
    await new Promise((resolve) => setTimeout(resolve, 150));
    bench.close();
    await new Promise((resolve) => setTimeout(resolve, 150));
    bench.block({ source: `10.0.0.${host}` });
    bench.flush();
    assert.equal(JSON.parse(await lines.next()).src_ip, `10.0.0.${host}`);
  }
  child.kill("SIGTERM");
  assert.equal(await lines.rest(), "");
  assert.equal(await new Response(child.stderr).text(), "");
  assert.equal((await child.status).code, 0);
});

Deno.test("logs: ends quietly when nobody reads on", async () => {
  using bench = new StoreBench(20_000, 20_000);
  for (let packet = 0; packet < 20_000; packet++) bench.block();
  bench.flush();
  const child = spawnPfw(bench.directory, ["logs", "--limit", "20000"]);
  const lines = new LineReader(child.stdout);
  await lines.next();
  await lines.close();
  assert.equal(await new Response(child.stderr).text(), "");
  assert.equal((await child.status).code, 0);
});
