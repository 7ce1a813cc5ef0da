/**
 * Packets and bytes by hour, verdict and reason, gathered in memory and handed to the store with
 * each flush. Sampled or coalesced rows cannot give these figures; this counts every packet.
 */
import { DECODE_RESULTS } from "../packet/packet.ts";
import { REASONS } from "../policy/verdict.ts";

/** What happened to a packet, as the rollup tables name it. The index is the hot path's number. */
export const ACTIONS = ["allowed", "blocked", "would_block", "undecoded"] as const;

/** One of `ACTIONS`. */
export type ActionName = typeof ACTIONS[number];

/** Indices into `ACTIONS`. `blocked` is the kernel's word, `would_block` ours alone. */
export const PacketAction = { allowed: 0, blocked: 1, wouldBlock: 2, undecoded: 3 } as const;

/** One figure of one hour. */
export interface HourlyCount {
  /** Hours since 1970, UTC. */
  readonly hour: number;
  readonly action: ActionName;
  /** A reason code, or a decode result's name where the action is `undecoded`. */
  readonly reason: string;
  readonly packets: number;
  readonly bytes: number;
}

const REASON_SLOTS = REASONS.length;
const CELLS = ACTIONS.length * REASON_SLOTS;

/**
 * Captured files choose their own timestamps: a hostile one may name a new hour with every packet.
 * Past this many hours between two flushes, packets count in the hour of their predecessor.
 */
const MAX_HOURS = 4_096;

/** Figures by hour. */
export type HourlyCells = ReadonlyMap<number, Float64Array>;

/** Counts since the last `clear`. */
export class HourlyCounts {
  readonly #hours = new Map<number, Float64Array>();
  #start = 0;
  #end = 0;
  #cells: Float64Array = new Float64Array(0);

  /**
   * Counts packets of one hour.
   *
   * @param seconds since 1970, UTC
   * @param action index into `ACTIONS`
   * @param reason index into `REASONS`, or a `DecodeResult` where the action is `undecoded`
   */
  add(seconds: number, action: number, reason: number, packets: number, bytes: number): void {
    if (seconds < this.#start || seconds >= this.#end) this.#turnTo(Math.floor(seconds / 3600));
    const cell = 2 * (action * REASON_SLOTS + reason);
    this.#cells[cell] += packets;
    this.#cells[cell + 1] += bytes;
  }

  #turnTo(hour: number): void {
    let cells = this.#hours.get(hour);
    if (!cells) {
      if (this.#hours.size >= MAX_HOURS) return;
      cells = new Float64Array(2 * CELLS);
      this.#hours.set(hour, cells);
    }
    this.#cells = cells;
    this.#start = hour * 3600;
    this.#end = this.#start + 3600;
  }

  /** Every figure that is not zero. */
  *entries(): Generator<HourlyCount> {
    for (const [hour, cells] of this.#hours) {
      for (let cell = 0; cell < CELLS; cell++) {
        const packets = cells[2 * cell], bytes = cells[2 * cell + 1];
        if (packets === 0 && bytes === 0) continue;
        const action = ACTIONS[Math.floor(cell / REASON_SLOTS)];
        const slot = cell % REASON_SLOTS;
        const reason = action === "undecoded" ? DECODE_RESULTS[slot] : REASONS[slot];
        yield { hour, action, reason, packets, bytes };
      }
    }
  }

  /** The figures as another thread can be given them, to `add` to its own; they start from zero. */
  take(): HourlyCells {
    const cells = new Map(this.#hours);
    this.clear();
    return cells;
  }

  /** Adds what another thread counted. */
  addAll(taken: HourlyCells): void {
    for (const [hour, cells] of taken) {
      this.#turnTo(hour);
      cells.forEach((figure, cell) => this.#cells[cell] += figure);
    }
  }

  /** Starts again from zero. */
  clear(): void {
    this.#hours.clear();
    this.#start = 0;
    this.#end = 0;
  }
}
