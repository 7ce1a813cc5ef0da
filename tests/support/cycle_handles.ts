/**
 * Opens and closes a capture handle again and again, in a process of its own, and prints as JSON
 * what the last cycles cost: open descriptors, resident and virtual bytes more than before them.
 *
 * Arguments: `live` or `file`, the device or path, the number of cycles. Needs `--expose-gc`.
 */
import { PcapHandle } from "../../ffi/pcap.ts";
import { RecordBuffer } from "../../ffi/record_buffer.ts";

/** What the cycles left behind. */
export interface Cost {
  readonly descriptors: number;
  readonly resident: number;
  readonly virtual: number;
}

/** Cycles before the first measurement: code is compiled and caches are filled then. */
const WARM_UP = 100;

/** Between two collections: garbage is no leak, and should not swell the heap for good. */
const COLLECT = 20;

declare const gc: () => void;

function run(kind: string, name: string, cycles: number): void {
  for (let count = 0; count < cycles; count++) {
    cycle(kind, name);
    if (count % COLLECT === 0) gc();
  }
}

function now(): Cost {
  gc();
  const status = Deno.readTextFileSync("/proc/self/status");
  const bytes = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  const descriptors = [...Deno.readDirSync("/proc/self/fd")].length;
  return { descriptors, resident: bytes("VmRSS"), virtual: bytes("VmSize") };
}

function cycle(kind: string, name: string): void {
  using handle = kind === "live"
    ? PcapHandle.openLive(name, { snaplen: 128, ringBytes: 1 << 21 })
    : PcapHandle.openFile(name);
  using buffer = new RecordBuffer(1 << 16);
  handle.read(buffer, buffer.batchFor(handle.snaplen), { packets: 0, bytes: 0, ended: false });
}

if (import.meta.main) {
  const [kind, name, cycles] = Deno.args;
  run(kind, name, WARM_UP);
  const before = now();
  run(kind, name, Number(cycles));
  const after = now();
  console.log(JSON.stringify({
    descriptors: after.descriptors - before.descriptors,
    resident: after.resident - before.resident,
    virtual: after.virtual - before.virtual,
  }));
}
