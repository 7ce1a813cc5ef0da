import assert from "node:assert/strict";
import fc from "fast-check";
import { formatterOf } from "../../cli/commands/logs_format.ts";
import { textWidth } from "../../cli/text_width.ts";
import type { LogRow } from "../../engine/observe/log_query.ts";

/** Noon where this runs, so that what is printed is the same everywhere. */
const NOON = new Date(2026, 0, 31, 12, 0, 0, 123).getTime();

function rowOf(differences: Partial<LogRow> = {}): LogRow {
  return {
    id: 1,
    timestamp: new Date(NOON).toISOString(),
    src_ip: "198.51.100.7",
    dst_ip: "192.0.2.1",
    src_port: 40_000,
    dst_port: 23,
    protocol: "tcp",
    reason: "Rule: Block Telnet and SMB from outside",
    packet_hash: "0123456789abcdef",
    reason_code: "rule",
    rule_id: "0123abcd",
    direction: "incoming",
    interface: "eth0",
    length: 60,
    tcp_flags: 2,
    hits: 1,
    action: "blocked",
    ...differences,
  };
}

const LONG_V6 = "2001:db8:1234:5678:9abc:def0:1234:5678";

const ROWS = [
  rowOf(),
  rowOf({ direction: "outgoing", action: "would_block", reason: "Default policy", hits: 1_234 }),
  rowOf({ src_ip: LONG_V6, dst_ip: LONG_V6, timestamp: new Date(NOON + 86_400_000).toISOString() }),
];

function render(rows: readonly LogRow[], width: number, color = false): string {
  return formatterOf("table", true, color, () => width).rows(rows);
}

Deno.test("logs at 80 columns: short columns, days on their own, addresses whole", () => {
  assert.equal(
    render(ROWS, 80),
    `Time      Dir  Proto  Source              Destination      Reason
── 2026-01-31 ──
12:00:00  in   tcp    198.51.100.7:40000  192.0.2.1:23     Rule: Block Telnet a…
12:00:00  out  tcp    198.51.100.7:40000  192.0.2.1:23     would: Defaul… ×1,234
── 2026-02-01 ──
12:00:00  in   tcp    [${LONG_V6}]:40000
          [${LONG_V6}]:23  Rule: Block Telnet and S…
`,
  );
});

Deno.test("logs at 140 columns: every column, the reason cut only where it must be", () => {
  assert.equal(
    render(ROWS.slice(0, 2), 140),
    "Time                     Verdict      Direction  Interface  Protocol  Source              Destination      Reason\n" +
      "2026-01-31 12:00:00.123  blocked      incoming   eth0       tcp       198.51.100.7:40000  192.0.2.1:23     Rule: Block Telnet and SMB from …\n" +
      "2026-01-31 12:00:00.123  would block  outgoing   eth0       tcp       198.51.100.7:40000  192.0.2.1:23     Default policy ×1,234\n",
  );
});

Deno.test("logs: no line is wider than the terminal, and no address is cut", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant("*"), fc.constant(null));
  const row = fc.record({
    src_ip: address,
    dst_ip: address,
    src_port: fc.option(fc.nat(65_535)),
    dst_port: fc.option(fc.nat(65_535)),
    reason: fc.string({ unit: "grapheme", maxLength: 60 }),
    hits: fc.constantFrom(1, 12_345_678),
    interface: fc.constantFrom("eth0", "enp0s31f6"),
    action: fc.constantFrom("blocked" as const, "would_block" as const),
  });
  const property = fc.property(
    fc.array(row, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 80, max: 200 }),
    fc.boolean(),
    (rows, width, color) => {
      const text = render(rows.map(rowOf), width, color);
      for (const line of text.split("\n")) assert.ok(textWidth(line) <= width, line);
      for (const { src_ip } of rows) assert.ok(src_ip === null || text.includes(src_ip), text);
    },
  );
  fc.assert(property);
});

Deno.test("logs: a terminal that changes its size is noticed", () => {
  let width = 100;
  const formatter = formatterOf("table", true, false, () => width);
  assert.match(formatter.rows([rowOf()]), /Rule: Block Telnet and SMB from outside\n/);
  width = 80;
  assert.match(formatter.rows([rowOf()]), /Rule: Block Telnet a…\n/);
});
