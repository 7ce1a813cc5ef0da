/**
 * Takes packets of a device within a budget. Run in a namespace; prints `ready`, and after so many
 * packets what it saw, as JSON.
 *
 * Arguments: the device, the number of packets, a second's packets and the burst of the budget.
 */
import { PacketRing } from "../../ffi/packet_ring.ts";
import { type Seen, SNAPLEN } from "./budgeted.ts";

/** Milliseconds between two looks, and before it tells what came although not all did. */
const ROUND = 20, LONGEST = 60_000;

function take(ring: PacketRing, kept: string[]): void {
  for (let block = ring.nextBlock(); block; block = ring.nextBlock()) {
    while (block.next()) {
      kept.push(block.bytes.subarray(block.packetStart, block.packetEnd).toHex());
    }
    block.release();
  }
}

async function main(device: string, words: readonly string[]): Promise<void> {
  const [wanted, packetsPerSecond, burst] = words.map(Number);
  using ring = PacketRing.open(device, { snaplen: SNAPLEN, ringBytes: 8 << 20 });
  if (!ring?.beginBudget({ packetsPerSecond, burst })) throw new Error(`no budget for ${device}`);
  console.log("ready");
  const kept: string[] = [], end = performance.now() + LONGEST;
  while (kept.length + ring.countedOnly.packets < wanted && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, ROUND));
    take(ring, kept);
    ring.renewBudget(performance.now());
  }
  console.log(JSON.stringify({ kept, ...ring.countedOnly } satisfies Seen));
}

if (import.meta.main) await main(Deno.args[0], Deno.args.slice(1));
