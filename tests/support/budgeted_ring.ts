/**
 * Takes packets of a device within a budget. Run in a namespace; prints `ready`, and after so many
 * packets what it saw, as JSON.
 *
 * Arguments: the device, the source, the number of packets, a second's packets and the burst of the
 * budget, and the bytes of the ring.
 */
import { InterfaceTap } from "../../ffi/interface_tap.ts";
import { PacketRing } from "../../ffi/packet_ring.ts";
import type { PacketBudget } from "../../ffi/tap_budget.ts";
import type { TapSource } from "../../ffi/tap_source.ts";
import { type Seen, SNAPLEN, type Source } from "./budgeted.ts";

/** Milliseconds between two looks, and before it tells what came although not all did. */
const ROUND = 20, LONGEST = 60_000;

async function open(
  device: string,
  source: Source,
  budget: PacketBudget,
  ringBytes: number,
): Promise<TapSource> {
  const options = { snaplen: SNAPLEN, ringBytes };
  if (source === "programs") {
    const tap = await InterfaceTap.open(device, options, budget);
    if (!tap) throw new Error(`no programs at ${device}`);
    tap.resume();
    return tap;
  }
  const ring = PacketRing.open(device, options);
  if (!ring?.beginBudget(budget)) throw new Error(`no filter for ${device}`);
  return ring;
}

function take(ring: TapSource, kept: string[]): void {
  for (let block = ring.nextBlock(); block; block = ring.nextBlock()) {
    while (block.next()) {
      kept.push(block.bytes.subarray(block.packetStart, block.packetEnd).toHex());
    }
    ring.release();
  }
}

async function main([device, source, ...words]: readonly string[]): Promise<void> {
  const [wanted, packetsPerSecond, burst, ringBytes] = words.map(Number);
  const budget = { packetsPerSecond, burst };
  using ring = await open(device, source as Source, budget, ringBytes);
  console.log("ready");
  const kept: string[] = [], end = performance.now() + LONGEST;
  let dropped = 0;
  while (kept.length + ring.countedOnly.packets + dropped < wanted && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, ROUND));
    take(ring, kept);
    ring.renewBudget(performance.now());
    dropped = ring.stats().droppedByRing;
  }
  console.log(JSON.stringify({ kept, ...ring.countedOnly, droppedByRing: dropped } satisfies Seen));
}

if (import.meta.main) await main(Deno.args);
