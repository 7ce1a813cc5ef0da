/** Captures that cannot be read, or not to their end: one line, exit 1, the counts so far. */
import { deepEqual, equal, match } from "node:assert/strict";
import { Sandbox } from "../support/sandbox.ts";
import { FILE_HEADER, FRAME, RECORD_HEADER, udpCapture } from "../support/udp_capture.ts";

const PACKETS = 100;

const WHOLE = udpCapture(PACKETS);

/** The capture with the length of its second packet said to be something else. */
function withLength(length: number): Uint8Array {
  const bytes = WHOLE.slice();
  new DataView(bytes.buffer).setUint32(FILE_HEADER + RECORD_HEADER + FRAME + 8, length);
  return bytes;
}

const BROKEN: Record<string, { bytes: Uint8Array; packets: number; why: RegExp }> = {
  "in the middle of a packet": {
    bytes: WHOLE.subarray(0, -10),
    packets: PACKETS - 1,
    why: /truncated/,
  },
  "in the middle of a packet's header": {
    bytes: WHOLE.subarray(0, -FRAME - 8),
    packets: PACKETS - 1,
    why: /truncated/,
  },
  "by a packet of 4 GB": { bytes: withLength(0xffffffff), packets: 1, why: /length/ },
  "by a packet longer than the file": { bytes: withLength(60_000), packets: 1, why: /truncated/ },
};

for (const [name, { bytes, packets, why }] of Object.entries(BROKEN)) {
  Deno.test(`replay: a capture that ends ${name} is judged up to there`, async () => {
    await using box = new Sandbox();
    box.writeConfig({ rules: [{ name: "Telnet", action: "block", protocol: "udp", ports: [23] }] });
    const file = box.path("broken.pcap");
    Deno.writeFileSync(file, bytes);
    const { code, out, err } = await box.pfw("start", "--read", file, "--json");
    equal(code, 1);
    match(err, /^pfw: cannot read [^\n]* to its end: [^\n]+; the first \d+ packets were judged\n$/);
    match(err, why);
    const result = JSON.parse(out);
    deepEqual([result.packets, result.blocked, result.allowed], [packets, packets, 0]);
    deepEqual(result.byReason, { rule: packets });
    const text = await box.pfw("start", "--read", file);
    equal(text.code, 1);
    match(text.out, new RegExp(`^${packets} packets, `));
  });
}

Deno.test("replay: what is no capture is refused in one line", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const contents = { empty: [], "half a header": WHOLE.subarray(0, 10), text: [112, 102, 119, 10] };
  for (const [name, bytes] of Object.entries(contents)) {
    Deno.writeFileSync(box.path(name), Uint8Array.from(bytes));
  }
  for (const name of [...Object.keys(contents), "not there", "."]) {
    const { code, out, err } = await box.pfw("start", "--read", box.path(name), "--json");
    deepEqual([code, out], [1, ""], name);
    match(err, /^pfw: cannot read the capture [^\n]+: [^\n]+\n$/);
  }
});

Deno.test("replay: standard input that is no capture is refused", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const { code, out, err } = await box.pfwWithInput("\n", "start", "--read", "-", "--json");
  deepEqual([code, out], [1, ""]);
  match(err, /^pfw: cannot read the capture -: [^\n]+\n$/);
});
