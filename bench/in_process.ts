/** A replay within this process, so that no program's start counts: by processor time. */
import process from "node:process";
import { DropPrefixes } from "../engine/drop_prefixes.ts";
import { LocalAddresses } from "../engine/net/local_addresses.ts";
import { EventBuffer } from "../engine/observe/event_buffer.ts";
import { EventDetails } from "../engine/observe/event_details.ts";
import { Totals } from "../engine/observe/totals.ts";
import { LinkType } from "../engine/packet/link_layer.ts";
import { Pipeline } from "../engine/pipeline.ts";
import { Matcher } from "../engine/policy/matcher.ts";
import type { Policy } from "../engine/policy/policy.ts";
import { REPLAY_SEED } from "../engine/replay.ts";
import { PcapHandle } from "../ffi/pcap.ts";
import { RecordBuffer } from "../ffi/record_buffer.ts";
import { HOST_V4, HOST_V6 } from "./captures.ts";

/** Takes a batch in. */
export type Stage = (buffer: RecordBuffer, length: number) => void;

const ROWS = 8192, BUFFER_BYTES = 32 << 20;

/** Processor time for each packet of a capture, reading included. */
export function nanosecondsEach(path: string, packets: number, stage: Stage): number {
  using handle = PcapHandle.openFile(path);
  using buffer = new RecordBuffer(BUFFER_BYTES);
  const batch = { packets: 0, bytes: 0, ended: false };
  const before = process.cpuUsage();
  for (;;) {
    handle.read(buffer, ROWS / 2, batch);
    if (batch.ended) break;
    stage(buffer, batch.bytes);
  }
  const { user, system } = process.cpuUsage(before);
  return 1000 * (user + system) / packets;
}

/** Everything that is done with a packet, but for storing rows. */
export function pipelineStage(policy: Policy): Stage {
  const blocked = new EventBuffer(ROWS, ROWS), allowed = new EventBuffer(ROWS, ROWS);
  const pipeline = new Pipeline({
    enforcement: "none",
    matcher: new Matcher(policy, { seed: REPLAY_SEED }),
    own: ownAddresses(),
    totals: new Totals(),
    blocked,
    allowed,
    prefixes: new DropPrefixes(new EventDetails()),
    sample: 0,
  });
  return (buffer, length) => {
    pipeline.readTap(buffer, length, LinkType.ethernet, 0);
    if (blocked.count > ROWS / 2) blocked.clear();
  };
}

/** The addresses of the machine that the captures are about. */
export function ownAddresses(): LocalAddresses {
  const own = new LocalAddresses();
  own.update([HOST_V4, HOST_V6].map((address) => ({ address })));
  return own;
}
