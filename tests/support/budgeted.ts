/** A device whose packets are taken within a budget, by a process of its own; see `budgeted_ring.ts`. */
import { equal } from "node:assert/strict";
import type { PacketBudget } from "../../ffi/tap_budget.ts";
import type { BackgroundProcess, NetworkNamespace } from "./netns.ts";

const SCRIPT = new URL("./budgeted_ring.ts", import.meta.url).pathname;
const DENO = [Deno.execPath(), "run", "--quiet", "--allow-all", SCRIPT];

/** Bytes kept of each packet. */
export const SNAPLEN = 128;

/** What hands packets over: programs at the interfaces, or the filter of a packet socket. */
export const SOURCES = ["programs", "filter"] as const;
export type Source = typeof SOURCES[number];

/** What came. */
export interface Seen {
  /** Packets that were handed over, in hexadecimal, as they lie in the ring. */
  readonly kept: readonly string[];
  /** Those that were not. */
  readonly packets: number;
  readonly bytes: number;
  /** Of those that were not, the ones for which the ring had no room. */
  readonly droppedByRing: number;
}

/** A ring that waits for packets; `await using` ends it. */
export class BudgetedRing implements AsyncDisposable {
  constructor(readonly process: BackgroundProcess) {}

  /** Waits for as many packets as were asked for. */
  async seen(): Promise<Seen> {
    return JSON.parse(await this.process.line() ?? "null");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

/** Opens a device in a namespace. @param packets after how many it tells what it saw */
export async function startBudgetedRing(
  namespace: NetworkNamespace,
  device: string,
  source: Source,
  packets: number,
  { packetsPerSecond, burst }: PacketBudget,
  ringBytes = 8 << 20,
): Promise<BudgetedRing> {
  const words = [device, source, `${packets}`, `${packetsPerSecond}`, `${burst}`, `${ringBytes}`];
  const process = namespace.spawn([...DENO, ...words]);
  equal(await process.line(), "ready");
  return new BudgetedRing(process);
}
