/** Makes the captures that the benchmarks read: the same packets in every run, on every machine. */
import { frameLength, writeFrame } from "./frames.ts";
import { Random } from "./random.ts";
import { Traffic, type TrafficOptions } from "./traffic.ts";

/** What a capture holds. */
export interface CaptureOptions extends TrafficOptions {
  readonly packets: number;
  readonly seed: number;
}

/** What was written. */
export interface CaptureSummary {
  readonly packets: number;
  /** Mean length of a frame in bytes. */
  readonly meanLength: number;
  readonly fileBytes: number;
}

const FILE_HEADER = 24, RECORD_HEADER = 16;
/** As tcpdump writes it. */
const SNAPLEN = 262_144;
const CHUNK = 1 << 20, LONGEST_FRAME = 2048;
/** 22 August 2026, 03:00 UTC. */
const FIRST_SECOND = 1_787_367_600;
/** Mean time between two packets in microseconds: 5,000 packets/s. */
const MEAN_GAP = 200;

/** Writes a capture file (pcap-savefile(5), microseconds, Ethernet). */
export function makeCapture(path: string, options: CaptureOptions): CaptureSummary {
  const random = new Random(options.seed);
  const traffic = new Traffic(options, random);
  // Under another name until it is whole: the next run takes a file that exists as it is.
  const unfinished = `${path}.${Deno.pid}.new`;
  const file = Deno.openSync(unfinished, { create: true, truncate: true, write: true });
  const chunk = new Uint8Array(CHUNK), view = new DataView(chunk.buffer);
  let at = writeFileHeader(view), written = 0, microseconds = 0;
  for (let packet = 0; packet < options.packets; packet++) {
    if (at > CHUNK - LONGEST_FRAME) {
      written += writeAll(file, chunk.subarray(0, at));
      at = 0;
    }
    microseconds += random.below(2 * MEAN_GAP);
    const frame = traffic.next(), length = frameLength(frame);
    view.setUint32(at, FIRST_SECOND + Math.floor(microseconds / 1e6), true);
    view.setUint32(at + 4, microseconds % 1e6, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, length, true);
    at = writeFrame(view, at + RECORD_HEADER, frame);
  }
  written += writeAll(file, chunk.subarray(0, at));
  file.close();
  Deno.renameSync(unfinished, path);
  return summaryOf(written, options.packets);
}

/** What stands in a capture that `makeCapture` wrote before. */
export function summaryOf(fileBytes: number, packets: number): CaptureSummary {
  const meanLength = (fileBytes - FILE_HEADER) / packets - RECORD_HEADER;
  return { packets, meanLength, fileBytes };
}

function writeFileHeader(view: DataView): number {
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAPLEN, true);
  view.setUint32(20, 1, true);
  return FILE_HEADER;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  return bytes.length;
}
