import assert from "node:assert/strict";
import { type FrameFields, frameLength, writeFrame } from "../../bench/frames.ts";
import { makeCapture } from "../../bench/make_capture.ts";
import { Random } from "../../bench/random.ts";
import { Traffic } from "../../bench/traffic.ts";
import { decode } from "../../engine/packet/decode.ts";
import { LinkType } from "../../engine/packet/link_layer.ts";
import { DecodeResult, ParsedPacket, Protocol } from "../../engine/packet/packet.ts";

const LISTED = Int32Array.of(0x01020304, 0x05060708, -1157627900);
const OPTIONS = { flows: 500, listed: LISTED, hostV4: "10.9.0.1", hostV6: "fd09::1" };
const HOST_WORD = 0x0a090001;

/** The sum over a range and a pseudo header, folded; all ones when the checksum in it is right. */
function sum(view: DataView, start: number, end: number, first = 0): number {
  let total = first;
  for (let at = start; at + 1 < end; at += 2) total += view.getUint16(at);
  if ((end - start) % 2 === 1) total += view.getUint8(end - 1) << 8;
  while (total > 0xffff) total = (total >>> 16) + (total & 0xffff);
  return total;
}

function pseudoHeader(frame: FrameFields, length: number): number {
  if (frame.protocol === Protocol.icmp) return 0;
  const words = [...frame.source, ...frame.destination];
  return words.reduce((total, word) => total + (word >>> 16) + (word & 0xffff), 0) + length +
    frame.protocol;
}

Deno.test("bench: every frame decodes to what it was made of, with right checksums", () => {
  const traffic = new Traffic(OPTIONS, new Random(7)), view = new DataView(new ArrayBuffer(4096));
  const packet = new ParsedPacket(), kinds = new Set<string>();
  for (let count = 0; count < 20_000; count++) {
    const frame = traffic.next(), end = writeFrame(view, 0, frame);
    assert.equal(end, frameLength(frame));
    decode(packet, view, 0, end, LinkType.ethernet);
    assert.equal(packet.result, DecodeResult.ok);
    assert.equal(packet.family, frame.family);
    assert.equal(packet.protocol, frame.protocol);
    assert.equal(packet.source0, frame.source[0]);
    assert.equal(packet.destination0, frame.destination[0]);
    const { networkOffset, transportOffset } = packet;
    if (frame.family === 4) assert.equal(sum(view, networkOffset, transportOffset), 0xffff);
    const length = end - transportOffset;
    assert.equal(sum(view, transportOffset, end, pseudoHeader(frame, length)), 0xffff);
    kinds.add(`${frame.family} ${frame.protocol}`);
  }
  assert.deepEqual([...kinds].sort(), ["4 1", "4 17", "4 6", "6 17", "6 58", "6 6"]);
});

Deno.test("bench: some few per cent come from listed addresses, and only to this machine", () => {
  const traffic = new Traffic({ ...OPTIONS, flows: 20_000 }, new Random(7));
  const listed = new Set(LISTED);
  let from = 0;
  for (let count = 0; count < 50_000; count++) {
    const { family, source, destination } = traffic.next();
    if (family !== 4) continue;
    assert.ok(!listed.has(destination[0]));
    if (!listed.has(source[0])) continue;
    assert.equal(destination[0], HOST_WORD);
    from++;
  }
  assert.ok(from > 500 && from < 5_000, `${from} of 50,000`);
});

Deno.test("bench: what peers alone send is never from this machine", () => {
  const traffic = new Traffic({ ...OPTIONS, isIncomingOnly: true }, new Random(7));
  for (let count = 0; count < 5_000; count++) {
    const { family, source, destination } = traffic.next();
    if (family === 4) assert.equal(destination[0], HOST_WORD);
    assert.notEqual(source[0], HOST_WORD);
  }
});

Deno.test("bench: the same seed makes the same file, and a shorter one begins like a longer one", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const make = (name: string, packets: number, seed: number) => {
      const path = `${directory}/${name}`;
      const { fileBytes } = makeCapture(path, { ...OPTIONS, packets, seed });
      const bytes = Deno.readFileSync(path);
      assert.equal(bytes.length, fileBytes);
      return bytes;
    };
    const long = make("long", 3_000, 1);
    assert.deepEqual(make("again", 3_000, 1), long);
    const short = make("short", 100, 1);
    assert.deepEqual(long.subarray(0, short.length), short);
    assert.notDeepEqual(make("other", 3_000, 2), long);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
