/** The ring of programs at interfaces, made up: what is written is found, and nothing outside is read. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RecordBlocks } from "../../ffi/record_blocks.ts";

/** As the kernel lays it out, for 16 records of 256 bytes. */
const PAGE = 4096, RECORD = 256, RECORDS = 16, PREFIX = 8, PACKET_HEADER = 68;
const BUSY = 0x80000000;

/** A ring of which so many bytes were written and read before. */
function ring(position = 0n, records = RECORDS) {
  const produced = new ArrayBuffer(PAGE + RECORD * records), consumed = new ArrayBuffer(PAGE);
  const view = new DataView(produced), read = new DataView(consumed);
  read.setBigUint64(0, position, true);
  view.setBigUint64(0, position, true);
  const blocks = new RecordBlocks(
    { produced, consumed, dataAt: PAGE },
    { isCooked: false, loopback: 1 },
  );
  let written = position;
  /** Writes a record with one byte of a packet, finished or not. */
  const write = (byte: number, isBusy = false) => {
    const at = PAGE + Number(written % BigInt(RECORD * records));
    view.setUint32(at, (RECORD - PREFIX) | (isBusy ? BUSY : 0), true);
    view.setUint32(at + PREFIX, RECORD, true);
    view.setUint32(at + PREFIX + 12, 1, true);
    view.setUint32(at + PREFIX + 16, 60, true);
    view.setUint16(at + PREFIX + 24, PACKET_HEADER, true);
    view.setUint8(at + PREFIX + PACKET_HEADER, byte);
    written += BigInt(RECORD);
    view.setBigUint64(0, written, true);
    return at;
  };
  const consumedSoFar = () => read.getBigUint64(0, true);
  return { blocks, view, write, consumedSoFar };
}

/** The byte of each packet in the next block; none where there is no block. */
function take(blocks: RecordBlocks): number[] | undefined {
  if (!blocks.open()) return undefined;
  const { block } = blocks, bytes: number[] = [];
  while (block.next()) bytes.push(...block.bytes.subarray(block.packetStart, block.packetEnd));
  assert.equal(block.packets, bytes.length);
  blocks.release();
  return bytes;
}

Deno.test("records: all that is written is found in its order, and given back", () => {
  const { blocks, write, consumedSoFar } = ring();
  assert.equal(take(blocks), undefined);
  for (const byte of [1, 2, 3]) write(byte);
  assert.deepEqual(take(blocks), [1, 2, 3]);
  assert.equal(consumedSoFar(), 3n * 256n);
  write(4);
  assert.deepEqual([take(blocks), take(blocks)], [undefined, [4]], "once there is no block");
});

Deno.test("records: one that is not finished is waited for, and what is behind it too", () => {
  const { blocks, view, write } = ring();
  write(1);
  const at = write(2, true);
  write(3);
  assert.deepEqual(take(blocks), [1]);
  assert.equal(take(blocks), undefined);
  view.setUint32(at, RECORD - PREFIX, true);
  assert.deepEqual(take(blocks), [2, 3]);
});

for (const [what, position] of [["ring", 14n], ["32 bits", 2n ** 24n - 2n]] as const) {
  Deno.test(`records: they go on beyond the end of the ${what}`, () => {
    const { blocks, write, consumedSoFar } = ring(position * 256n);
    for (const byte of [1, 2, 3, 4]) write(byte);
    assert.deepEqual([take(blocks), take(blocks), take(blocks)], [[1, 2], [3, 4], undefined]);
    assert.equal(consumedSoFar(), (position + 4n) * 256n);
  });
}

Deno.test("records: a block has so many that the clock is looked at now and then", () => {
  const { blocks, write } = ring(0n, 4096);
  for (let record = 0; record < 1500; record++) write(record & 255);
  assert.deepEqual([take(blocks)?.length, take(blocks)?.length], [1024, 476]);
});

Deno.test("records: whatever stands in the ring, nothing outside of it is read", () => {
  const words = fc.array(fc.tuple(fc.nat(RECORD * RECORDS / 4 - 1), fc.nat(0xffffffff)));
  fc.assert(
    fc.property(words, fc.bigInt(0n, 2n ** 64n - 1n), fc.nat(RECORDS), (words, end, count) => {
      const { blocks, view, write } = ring();
      for (let record = 0; record < count; record++) write(record);
      for (const [at, value] of words) view.setUint32(PAGE + 4 * at, value, true);
      view.setBigUint64(0, end, true);
      for (let block = 0; block < RECORDS && blocks.open(); block++) {
        while (blocks.block.next()) {
          const { packetStart, packetEnd } = blocks.block;
          assert.ok(packetStart >= PAGE && packetStart <= packetEnd);
          assert.ok(packetEnd <= PAGE + RECORD * RECORDS);
        }
        blocks.release();
      }
    }),
    { numRuns: 1_000 },
  );
});
