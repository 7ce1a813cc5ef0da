/** The captures that the benchmarks share, made once and kept. */
import { join } from "node:path";
import { addressWords } from "./blacklist.ts";
import type { Settings } from "./harness.ts";
import {
  type CaptureOptions,
  type CaptureSummary,
  makeCapture,
  summaryOf,
} from "./make_capture.ts";

/** A capture on the disk. */
export interface Capture extends CaptureSummary {
  readonly path: string;
}

/** The machine that the captures are about. */
export const HOST_V4 = "10.9.0.1", HOST_V6 = "fd09::1";

/** Changes whenever the same options give other packets, so that old files are not used. */
const FORM = 3;

const FLOWS = 50_000, SEED = 20_261_121;

/** A capture of that many packets; a shorter one begins like a longer one. */
export function capture(
  settings: Pick<Settings, "directory" | "blacklist" | "say">,
  packets: number,
  which: Pick<CaptureOptions, "isIncomingOnly"> = {},
): Capture {
  const { directory, blacklist, say } = settings;
  const kind = which.isIncomingOnly ? "incoming" : "both";
  const list = blacklist.source.replace(/\W+/g, "-");
  const path = join(directory, `${kind}-${packets}-${list}-v${FORM}.pcap`);
  const before = sizeOf(path);
  if (before !== undefined) return { path, ...summaryOf(before, packets) };
  say(`making a capture of ${packets.toLocaleString("en-US")} packets`);
  const listed = addressWords(blacklist.addresses);
  const options = { packets, seed: SEED, flows: FLOWS, listed, hostV4: HOST_V4, hostV6: HOST_V6 };
  return { path, ...makeCapture(path, { ...options, ...which }) };
}

function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}
