/** Handles opened and closed by the thousand leave neither memory nor descriptors behind. */
import { equal, ok } from "node:assert/strict";
import { pcapLibrary, PcapMissingError } from "../../ffi/pcap_library.ts";
import type { Cost } from "../support/cycle_handles.ts";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";

const CYCLES = 10_000;
/** Each takes the kernel tens of milliseconds, and its ring of 2 MB makes a leak plain. */
const DEVICE_CYCLES = 1_000;
const SCRIPT = new URL("../support/cycle_handles.ts", import.meta.url).pathname;
const DENO = [Deno.execPath(), "run", "--quiet", "--allow-all", "--v8-flags=--expose-gc"];
const ARGV = [...DENO, SCRIPT];

/**
 * The heap itself comes to its size only after a while: some 8 MB, however many cycles follow. A
 * leak of 2 kB for each handle would be 20 MB.
 */
const MOST_RESIDENT = 14 << 20;
const MOST_VIRTUAL = 14 << 20;

function requireNoLeak(output: string): void {
  const { descriptors, resident, virtual } = JSON.parse(output) as Cost;
  equal(descriptors, 0);
  ok(resident < MOST_RESIDENT, `${resident} bytes resident`);
  ok(virtual < MOST_VIRTUAL, `${virtual} bytes virtual`);
}

function isPcapThere(): boolean {
  try {
    return pcapLibrary() !== undefined;
  } catch (error) {
    if (error instanceof PcapMissingError) return false;
    throw error;
  }
}

/** A capture of one packet: the file header of pcap(5), a record header, 14 bytes of Ethernet. */
function writeCapture(path: string): void {
  const bytes = new DataView(new ArrayBuffer(24 + 16 + 14));
  bytes.setUint32(0, 0xa1b2c3d4);
  bytes.setUint16(4, 2);
  bytes.setUint16(6, 4);
  bytes.setUint32(16, 65_535);
  bytes.setUint32(20, 1);
  bytes.setUint32(24 + 8, 14);
  bytes.setUint32(24 + 12, 14);
  Deno.writeFileSync(path, new Uint8Array(bytes.buffer));
}

const isThere = isPcapThere();

Deno.test({
  name: `files: ${CYCLES} handles leave nothing behind${isThere ? "" : " (left out: no libpcap)"}`,
  ignore: !isThere,
  async fn() {
    const file = await Deno.makeTempFile();
    writeCapture(file);
    const [program, ...args] = [...ARGV, "file", file, `${CYCLES}`];
    const { code, stdout } = await new Deno.Command(program, { args, stderr: "inherit" }).output();
    equal(code, 0);
    requireNoLeak(new TextDecoder().decode(stdout));
    await Deno.remove(file);
  },
});

kernelTest(`devices: ${DEVICE_CYCLES} handles and more leave nothing behind`, async (test) => {
  await using namespace = await NetworkNamespace.create();
  for (const [device, cycles] of [["lo", DEVICE_CYCLES], ["nflog:77", CYCLES]] as const) {
    await test.step(device, async () => {
      requireNoLeak(await namespace.run([...ARGV, "live", device, `${cycles}`]));
    });
  }
});
