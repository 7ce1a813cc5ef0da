/** Savefiles read as they stand give what libpcap gives: every record, and every complaint. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Batch, PcapHandle } from "../../ffi/pcap.ts";
import { RecordBuffer } from "../../ffi/record_buffer.ts";
import { hasLibpcap } from "../support/capture_reader.ts";

/** A record: bytes captured, length on the wire, and the byte that the packet is made of. */
interface FileRecord {
  readonly captured: number;
  readonly wire: number;
  readonly fill: number;
}

/** A savefile, and what is wrong with it. */
interface File {
  readonly snaplen: number;
  readonly records: readonly FileRecord[];
  /** Bytes missing at the end. */
  readonly cut: number;
  readonly magic: number;
  readonly minor: number;
}

function bytesOf({ snaplen, records, cut, magic, minor }: File): Uint8Array {
  const size = records.reduce((sum, { captured }) => sum + 16 + captured, 24);
  const bytes = new Uint8Array(size), view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, minor, true);
  view.setUint32(16, snaplen, true);
  view.setUint32(20, 1, true);
  let at = 24;
  for (const [index, { captured, wire, fill }] of records.entries()) {
    view.setUint32(at, 1_700_000_000 + index, true);
    view.setUint32(at + 4, index % 1_000_000, true);
    view.setUint32(at + 8, captured, true);
    view.setUint32(at + 12, wire, true);
    bytes.fill(fill, at + 16, at + 16 + captured);
    at += 16 + captured;
  }
  return bytes.subarray(0, Math.max(24, size - cut));
}

/** All records as they came, one after another, and the error at the end if there was one. */
function readAll(path: string, filter: string | undefined, limit: number) {
  using handle = PcapHandle.openFile(path, filter);
  using buffer = new RecordBuffer(1 << 20);
  const batch: Batch = { packets: 0, bytes: 0, ended: false };
  const pieces: number[] = [];
  try {
    for (handle.read(buffer, limit, batch); !batch.ended; handle.read(buffer, limit, batch)) {
      for (const byte of buffer.bytes.subarray(0, batch.bytes)) pieces.push(byte);
      assert.ok(batch.packets <= limit, `${batch.packets} packets of at most ${limit}`);
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return { pieces, error: (error as Error).message };
  }
  return { pieces, error: "" };
}

/** A filter has libpcap read the whole file. */
const EVERYTHING = "greater 0";

function requireSame(file: File, limit: number): void {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, bytesOf(file));
    const expected = readAll(path, EVERYTHING, limit), found = readAll(path, undefined, limit);
    assert.equal(found.error, expected.error);
    assert.ok(
      Uint8Array.from(found.pieces).every((byte, at) => byte === expected.pieces[at]) &&
        found.pieces.length === expected.pieces.length,
      `${found.pieces.length} bytes instead of ${expected.pieces.length}, or others`,
    );
  } finally {
    Deno.removeSync(path);
  }
}

function test(name: string, fn: () => void): void {
  Deno.test({
    name: `savefile: ${name}${hasLibpcap ? "" : " (left out: no libpcap)"}`,
    ignore: !hasLibpcap,
    fn,
  });
}

const MAGIC = 0xa1b2c3d4;
const plain = { snaplen: 262_144, cut: 0, magic: MAGIC, minor: 4 };
const record = (captured: number, fill = 1): FileRecord => ({ captured, wire: captured, fill });

const arbitraryFile: fc.Arbitrary<File> = fc.record({
  snaplen: fc.constantFrom(0, 64, 300, 262_144, 0x7fffffff, 0xffffffff),
  records: fc.array(
    fc.record({
      captured: fc.oneof(
        { weight: 8, arbitrary: fc.nat(400) },
        { weight: 1, arbitrary: fc.constantFrom(0, 63, 64, 65, 301, 40_000, 262_144, 262_145) },
      ),
      wire: fc.nat(70_000),
      fill: fc.nat(255),
    }),
    { maxLength: 40 },
  ),
  cut: fc.oneof(fc.constant(0), fc.nat(60)),
  magic: fc.oneof(
    { weight: 6, arbitrary: fc.constant(MAGIC) },
    { weight: 1, arbitrary: fc.constantFrom(0xa1b23c4d, 0xa1b2cd34) },
  ),
  minor: fc.oneof({ weight: 6, arbitrary: fc.constant(4) }, {
    weight: 1,
    arbitrary: fc.constantFrom(2, 3),
  }),
});

test("any file gives the same records and the same error as libpcap", () => {
  fc.assert(
    fc.property(arbitraryFile, fc.constantFrom(1, 2, 7, 4096), requireSame),
    { numRuns: 300 },
  );
});

test("records that end exactly with a chunk, and one longer than a chunk", () => {
  const chunk = 1 << 17;
  const exact = Array.from({ length: 4 }, (_, at) => record(chunk / 2 - 16, at));
  requireSame({ ...plain, records: exact }, 4096);
  requireSame({ ...plain, records: [record(1), record(200_000, 2), record(3, 3)] }, 4096);
});

test("a record that is longer than libpcap allows ends the file as libpcap says", () => {
  requireSame({ ...plain, records: [record(10), record(262_145, 2), record(3, 3)] }, 4096);
});

test("many short records come in as many calls as the limit asks for", () => {
  const records = Array.from({ length: 5000 }, (_, at) => record(at % 3, at & 255));
  requireSame({ ...plain, records }, 100);
});
