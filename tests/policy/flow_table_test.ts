import assert from "node:assert/strict";
import fc from "fast-check";
import { TcpFlag } from "../../engine/packet/packet.ts";
import { FlowKey } from "../../engine/policy/flow_key.ts";
import { FlowState, FlowTable } from "../../engine/policy/flow_table.ts";
import { type PacketFields, packetOf } from "./packets.ts";

const { ack: ACK, fin: FIN, rst: RST, syn: SYN } = TcpFlag;

/** Tracks one packet and adds its connection, as if it passed. */
function seen(table: FlowTable, fields: PacketFields): number {
  const { packet } = packetOf(fields);
  const key = new FlowKey();
  key.fill(packet, packet.hasPorts ? (packet.sourcePort << 16) | packet.destinationPort : 0);
  const state = table.track(packet, key);
  table.commit(packet, key, 0, 1);
  return state;
}

function answer(fields: PacketFields): PacketFields {
  const { from = "192.0.2.1", to = "198.51.100.1", sourcePort = 40_000, port = 80 } = fields;
  return { ...fields, from: to, to: from, sourcePort: port, port: sourcePort };
}

Deno.test("a connection is new until it is answered, whoever speaks first opened it", () => {
  const table = new FlowTable(64);
  assert.equal(seen(table, {}), FlowState.new);
  assert.equal(seen(table, {}), FlowState.new);
  assert.equal(seen(table, answer({ flags: SYN | ACK })), FlowState.reply);
  assert.equal(seen(table, { flags: ACK }), FlowState.established);
  assert.equal(seen(table, answer({ flags: ACK })), FlowState.reply);
});

Deno.test("UDP and ICMP echo: the answer is a reply, another request is not", () => {
  const table = new FlowTable(64);
  const query = { protocol: "udp", port: 53 } as const;
  seen(table, query);
  assert.equal(seen(table, answer(query)), FlowState.reply);
  const ping = { protocol: "icmp", icmpType: 8, icmpId: 9 } as const;
  seen(table, ping);
  assert.equal(seen(table, { ...answer(ping), icmpType: 8 }), FlowState.new);
  assert.equal(seen(table, { ...answer(ping), icmpType: 0 }), FlowState.reply);
});

Deno.test("a connection is forgotten after its time, and after a close its ports are free", () => {
  const table = new FlowTable(64);
  const query = { protocol: "udp", port: 53, seconds: 1000 } as const;
  seen(table, query);
  assert.equal(seen(table, { ...answer(query), seconds: 1029 }), FlowState.reply);
  assert.equal(seen(table, { ...answer(query), seconds: 1029 + 121 }), FlowState.new);
  seen(table, {});
  seen(table, answer({ flags: SYN | ACK }));
  seen(table, { flags: ACK });
  seen(table, { flags: FIN | ACK });
  assert.equal(seen(table, answer({ flags: SYN })), FlowState.invalid, "half of it is still open");
  seen(table, answer({ flags: FIN | ACK }));
  seen(table, { flags: ACK });
  assert.equal(seen(table, answer({ flags: SYN })), FlowState.new, "the other side opens anew");
});

Deno.test("a refused connection leaves nothing behind", () => {
  const table = new FlowTable(64);
  seen(table, {});
  assert.equal(seen(table, answer({ flags: RST | ACK })), FlowState.reply);
  assert.equal(seen(table, answer({ flags: SYN })), FlowState.new);
});

Deno.test("the table agrees with a map of connections as long as it has room", () => {
  const step = fc.record({ a: fc.nat(6), b: fc.nat(6), p: fc.nat(3), q: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new FlowTable(4096);
      const opened = new Map<string, { answered: boolean }>();
      for (const { a, b, p, q } of steps) {
        if (a === b && p === q) continue;
        const forward = `${a}:${p}>${b}:${q}`, reverse = `${b}:${q}>${a}:${p}`;
        const known = opened.get(forward), answered = opened.get(reverse);
        let expected: number = FlowState.new;
        if (known) expected = known.answered ? FlowState.established : FlowState.new;
        else if (answered) {
          answered.answered = true;
          expected = FlowState.reply;
        } else opened.set(forward, { answered: false });
        const fields = {
          from: `10.0.0.${a}`,
          to: `10.0.0.${b}`,
          sourcePort: 1000 + p,
          port: 1000 + q,
        };
        assert.equal(seen(table, { ...fields, protocol: "udp" }), expected, forward);
      }
      assert.equal(table.evictions, 0);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a full table gives up its oldest and counts it", () => {
  const table = new FlowTable(4);
  for (let at = 0; at < 5; at++) {
    seen(table, { protocol: "udp", sourcePort: 1000 + at, seconds: 1000 + at });
  }
  assert.equal(table.evictions, 1);
  const first = answer({ protocol: "udp", sourcePort: 1000 });
  assert.equal(seen(table, { ...first, protocol: "udp", seconds: 1005 }), FlowState.new);
});

Deno.test("reading ahead changes nothing", () => {
  const anyPacket = fc.record({
    from: fc.constantFrom("192.0.2.1", "192.0.2.2", "198.51.100.1"),
    to: fc.constantFrom("198.51.100.1", "192.0.2.1"),
    protocol: fc.constantFrom("tcp" as const, "udp" as const, "icmp" as const, 47),
    sourcePort: fc.constantFrom(40_000, 80),
    port: fc.constantFrom(80, 40_000),
    flags: fc.constantFrom(SYN, SYN | ACK, ACK, FIN | ACK, RST),
    icmpType: fc.constantFrom(0, 8),
    seconds: fc.integer({ min: 1000, max: 1200 }),
  });
  fc.assert(fc.property(fc.array(anyPacket, { maxLength: 80 }), fc.nat(90), (all, ahead) => {
    const plain = new FlowTable(1024), fetching = new FlowTable(1024);
    const packets = all.map((fields) => packetOf(fields).packet);
    const states = all.map((fields) => seen(plain, fields));
    const fetched = all.map((fields, at) => {
      const next = packets.slice(at, at + ahead);
      fetching.fetch(next, next.length);
      return seen(fetching, fields);
    });
    // Which entries meet in a full set depends on each table's secret.
    if (plain.evictions + fetching.evictions === 0) assert.deepEqual(fetched, states);
  }));
});
