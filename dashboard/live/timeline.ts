/**
 * Packets by time for the charts: three rings of fixed size, the finer the shorter. Counts go into
 * each of them as they come, so no ring is made from another.
 */
import { REASONS } from "../../engine/policy/verdict.ts";
import type { Counts, ReasonCode, Series, Span } from "../contract.ts";

/** Points of a span, and seconds that each stands for. */
const SHAPES: Readonly<Record<Span, { points: number; step: number }>> = {
  "5m": { points: 300, step: 1 },
  "1h": { points: 360, step: 10 },
  "24h": { points: 288, step: 300 },
};

/** Allowed ones, then blocked ones by reason. */
const COLUMNS = 1 + REASONS.length;

/** One span. */
class Ring {
  readonly #cells: Float64Array;
  readonly #points: number;
  readonly #step: number;
  /** The newest point, counted in steps since 1970. */
  #newest = -1;

  constructor(readonly span: Span) {
    const { points, step } = SHAPES[span];
    this.#points = points;
    this.#step = step;
    this.#cells = new Float64Array(points * COLUMNS);
  }

  add(seconds: number, counts: Counts): void {
    const at = Math.floor(seconds / this.#step);
    this.#advance(at);
    // A clock that was set back counts in the newest point until it is there again.
    this.#addAt(Math.max(at, this.#newest), counts);
  }

  /** Spreads counts evenly over a span of the past; what lies before the ring is left out. */
  spread(from: number, to: number, now: number, counts: Counts): void {
    this.#advance(Math.floor(now / this.#step));
    const first = Math.floor(from / this.#step), last = Math.floor((to - 1) / this.#step);
    const share = 1 / (last - first + 1);
    for (let at = first; at <= last; at++) {
      if (at > this.#newest - this.#points && at <= this.#newest) this.#addAt(at, counts, share);
    }
  }

  series(seconds: number): Series {
    this.#advance(Math.floor(seconds / this.#step));
    const first = this.#newest - this.#points + 1;
    const column = (index: number) =>
      Array.from(
        { length: this.#points },
        (_, at) => round(this.#cells[this.#cell(first + at) + index]),
      );
    const blocked: Partial<Record<ReasonCode, readonly number[]>> = {};
    REASONS.forEach((code, index) => {
      const values = column(1 + index);
      if (values.some((value) => value > 0)) blocked[code] = values;
    });
    return {
      span: this.span,
      step: this.#step,
      at: Array.from({ length: this.#points }, (_, at) => (first + at) * this.#step * 1000),
      allowed: column(0),
      blocked,
    };
  }

  #advance(at: number): void {
    const from = Math.max(this.#newest + 1, at - this.#points + 1);
    for (let next = from; next <= at; next++) {
      const cell = this.#cell(next);
      this.#cells.fill(0, cell, cell + COLUMNS);
    }
    this.#newest = Math.max(this.#newest, at);
  }

  #addAt(at: number, { allowed, blocked }: Counts, share = 1): void {
    const cell = this.#cell(at);
    this.#cells[cell] += allowed * share;
    for (let index = 0; index < REASONS.length; index++) {
      this.#cells[cell + 1 + index] += (blocked[REASONS[index]] ?? 0) * share;
    }
  }

  #cell(at: number): number {
    return (at % this.#points) * COLUMNS;
  }
}

/** Tenths of a packet are enough where counts were spread. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** All spans. */
export class Timeline {
  readonly #rings = {
    "5m": new Ring("5m"),
    "1h": new Ring("1h"),
    "24h": new Ring("24h"),
  } satisfies Record<Span, Ring>;

  /** @param now milliseconds since 1970 */
  add(now: number, counts: Counts): void {
    for (const ring of Object.values(this.#rings)) ring.add(now / 1000, counts);
  }

  /** What is known of a span of the past by its sums only, e.g. of an hour before this start. */
  addPast(from: number, to: number, now: number, counts: Counts): void {
    this.#rings["24h"].spread(from / 1000, to / 1000, now / 1000, counts);
  }

  series(span: Span, now: number): Series {
    return this.#rings[span].series(now / 1000);
  }
}
