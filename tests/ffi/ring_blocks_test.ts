/** The kernel's ring, made up: what is in a block is found, and nothing outside of one is read. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { PacketBlock } from "../../ffi/packet_block.ts";
import { RingBlocks } from "../../ffi/ring_blocks.ts";

const BLOCK = 4096, BLOCKS = 3, BLOCK_HEADER = 48, PACKET_HEADER = 48, ADDRESS = 20;
const LOOPBACK = 1, OUTGOING = 4, VLAN_VALID = 1 << 4;

interface RingPacket {
  readonly bytes: readonly number[];
  readonly length: number;
  readonly index?: number;
  readonly type?: number;
  readonly protocol?: number;
  readonly flags?: number;
  readonly nanoseconds?: number;
}

/** Lays packets into a block as the kernel does (af_packet.c, `tpacket_rcv`). */
function fill(view: DataView, block: number, packets: readonly RingPacket[]): void {
  const start = block * BLOCK;
  view.setUint32(start + 8, 1, true);
  view.setUint32(start + 12, packets.length, true);
  view.setUint32(start + 16, BLOCK_HEADER, true);
  let at = start + BLOCK_HEADER;
  packets.forEach((packet, number) => {
    const { bytes, length, index = 7, type = 0, protocol = 0x0800, flags = 0 } = packet;
    const mac = PACKET_HEADER + ADDRESS + 4, size = (mac + bytes.length + 7) & ~7;
    view.setUint32(at, number === packets.length - 1 ? 0 : size, true);
    view.setUint32(at + 4, 1_700_000_000 + number, true);
    view.setUint32(at + 8, packet.nanoseconds ?? 0, true);
    view.setUint32(at + 12, bytes.length, true);
    view.setUint32(at + 16, length, true);
    view.setUint32(at + 20, 1 | flags, true);
    view.setUint16(at + 24, mac, true);
    view.setUint16(at + PACKET_HEADER + 2, protocol);
    view.setInt32(at + PACKET_HEADER + 4, index, true);
    view.setUint8(at + PACKET_HEADER + 10, type);
    bytes.forEach((byte, offset) => view.setUint8(at + mac + offset, byte));
    at += size;
  });
}

function ring(isCooked = false) {
  const memory = new ArrayBuffer(BLOCK * BLOCKS);
  const blocks = new RingBlocks(memory, { blockBytes: BLOCK, isCooked, loopback: LOOPBACK });
  return { blocks, block: blocks.block, view: new DataView(memory) };
}

function bytesOf(block: PacketBlock): number[] {
  return [...block.bytes.subarray(block.packetStart, block.packetEnd)];
}

Deno.test("ring: packets are found block by block, and blocks given back in turn", () => {
  const { blocks, block, view } = ring();
  assert.equal(blocks.open(), false);
  for (let turn = 0; turn < 2 * BLOCKS; turn++) {
    fill(view, turn % BLOCKS, [
      { bytes: [turn, 2], length: 60, nanoseconds: 999_999_999 },
      { bytes: [3], length: 70_000, index: 9, type: OUTGOING, protocol: 0x86dd },
    ]);
    assert.equal(blocks.open(), true);
    assert.deepEqual([block.packets, block.next(), bytesOf(block)], [2, true, [turn, 2]]);
    const { seconds, microseconds, wireLength, addedLength } = block;
    assert.deepEqual(
      [seconds, microseconds, wireLength, addedLength],
      [1_700_000_000, 999_999, 60, 0],
    );
    assert.deepEqual([block.next(), bytesOf(block)], [true, [3]]);
    const { interfaceIndex, packetType, protocol } = block;
    assert.deepEqual([interfaceIndex, packetType, protocol], [9, OUTGOING, 0x86dd]);
    assert.equal(block.next(), false);
    blocks.release();
    assert.equal(view.getUint32((turn % BLOCKS) * BLOCK + 8, true), 0);
    assert.equal(blocks.open(), false);
  }
});

Deno.test("ring: what loopback sends is seen once, as it arrives", () => {
  const { blocks, block, view } = ring();
  const sent = { bytes: [1], length: 1, index: LOOPBACK, type: OUTGOING };
  fill(view, 0, [sent, { ...sent, type: 0, bytes: [2] }, sent]);
  assert.equal(blocks.open(), true);
  assert.deepEqual([block.next(), bytesOf(block)], [true, [2]]);
  assert.deepEqual([block.next(), block.packets], [false, 1]);
});

Deno.test("ring: a tag that the kernel took out counts, and so does the cooked header", () => {
  const tagged = { bytes: [1], length: 60, flags: VLAN_VALID };
  for (const [isCooked, added] of [[false, 4], [true, 20]] as const) {
    const { blocks, block, view } = ring(isCooked);
    fill(view, 0, [tagged]);
    blocks.open();
    block.next();
    assert.equal(block.addedLength, added);
  }
});

Deno.test("ring: whatever stands in a block, only that block is read, and the end is reached", () => {
  const words = fc.array(fc.nat(BLOCK / 4 - 1), { maxLength: 8 });
  const values = fc.oneof(
    fc.constantFrom(0, 8, 48, 68, 72, 4096, 0x7fffffff, 0x80000000, 0xffffffff),
    fc.nat(0xffffffff),
    fc.nat(BLOCK),
  );
  const damage = words.chain((at) => fc.tuple(fc.constant(at), fc.array(values, { minLength: 8 })));
  const header = fc.constantFrom(3, 4, 12, 15, 18, 30, 33, 36);
  const near = fc.tuple(fc.array(header, { maxLength: 4 }), fc.array(values, { minLength: 4 }));
  fc.assert(
    fc.property(damage, near, ([places, some], [headers, others]) => {
      const { blocks, block, view } = ring();
      fill(view, 0, [{ bytes: [1, 2, 3], length: 3 }, { bytes: [4], length: 1 }]);
      places.forEach((word, at) => view.setUint32(4 * word, some[at], true));
      headers.forEach((word, at) => view.setUint32(4 * word, others[at], true));
      view.setUint32(8, 1, true);
      assert.equal(blocks.open(), true);
      for (let packets = 0; block.next(); packets++) {
        assert.ok(block.packetStart >= 0 && block.packetStart <= block.packetEnd);
        assert.ok(block.packetEnd <= BLOCK, `${block.packetEnd}`);
        assert.ok(packets < BLOCK / 68, "more packets than a block can hold");
      }
    }),
    { numRuns: 2_000 },
  );
});
