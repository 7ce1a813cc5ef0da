/** The packets of a flood: connection attempts from listed addresses and from forged ones. */
import { join } from "node:path";
import { addressWords } from "./blacklist.ts";
import { type Capture, HOST_V4 } from "./captures.ts";
import { frameLength, writeFrame } from "./frames.ts";
import type { Settings } from "./harness.ts";
import { summaryOf } from "./make_capture.ts";
import { Random } from "./random.ts";
import { Protocol, TcpFlag } from "../engine/packet/packet.ts";

/** Changes whenever the same options give other packets, so that old files are not used. */
const FORM = 1;

const SEED = 20_261_130, FILE_HEADER = 24, RECORD_HEADER = 16, SNAPLEN = 262_144;
/** 22 August 2026, 03:00 UTC; tcpreplay sends them as fast as it is told, not at their times. */
const FIRST_SECOND = 1_787_367_600;
const HOST_MAC = 1, ROUTER_MAC = 2;
/** What scanners try: blocked by rule or not, open or not. */
const PORTS = [22, 23, 23, 80, 443, 445, 3389, 8080];

/** A capture of that many packets to this machine, every second one from a listed address. */
export function floodCapture({ directory, blacklist }: Settings, packets: number): Capture {
  const list = blacklist.source.replace(/\W+/g, "-");
  const path = join(directory, `flood-${packets}-${list}-v${FORM}.pcap`);
  const size = sizeOf(path) ?? makeFlood(path, packets, addressWords(blacklist.addresses));
  return { path, ...summaryOf(size, packets) };
}

function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}

function makeFlood(path: string, packets: number, listed: Int32Array): number {
  const random = new Random(SEED);
  const length = frameLength(frameOf(0, random));
  const bytes = new Uint8Array(FILE_HEADER + packets * (RECORD_HEADER + length));
  const view = new DataView(bytes.buffer);
  writeFileHeader(view);
  for (let packet = 0, at = FILE_HEADER; packet < packets; packet++) {
    const source = packet % 2 === 0 ? listed[random.below(listed.length)] : forgedAddress(random);
    view.setUint32(at, FIRST_SECOND, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, length, true);
    at = writeFrame(view, at + RECORD_HEADER, frameOf(source, random));
  }
  // Under another name until it is whole: the next run takes a file that exists as it is.
  Deno.writeFileSync(`${path}.new`, bytes);
  Deno.renameSync(`${path}.new`, path);
  return bytes.length;
}

/** 11.0.0.0 to 126.255.255.255. */
function forgedAddress(random: Random): number {
  return ((11 + random.below(116)) << 24) | random.below(1 << 24);
}

function frameOf(source: number, random: Random) {
  const [a, b, c, d] = HOST_V4.split(".").map(Number);
  return {
    family: 4,
    protocol: Protocol.tcp,
    source: [source, 0, 0, 0],
    destination: [(a << 24) | (b << 16) | (c << 8) | d, 0, 0, 0],
    sourceMac: ROUTER_MAC,
    destinationMac: HOST_MAC,
    sourcePort: 1_024 + random.below(60_000),
    destinationPort: random.pick(PORTS),
    tcpFlags: TcpFlag.syn,
    payload: 0,
  } as const;
}

/** pcap-savefile(5): microseconds, Ethernet. */
function writeFileHeader(view: DataView): void {
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAPLEN, true);
  view.setUint32(20, 1, true);
}
