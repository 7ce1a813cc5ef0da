/** A chart's figures: what the firewall remembers, carried on by every tick. */
import type { ReasonCode, Series, Tick } from "../../contract.ts";
import { BLOCKING } from "../text/reason.ts";

/** The columns of one span. The number of points stays what it was when it was loaded. */
export class SpanData {
  readonly step: number;
  readonly at: number[];
  readonly allowed: number[];
  readonly blocked: ReadonlyMap<ReasonCode, number[]>;

  constructor({ step, at, allowed, blocked }: Series) {
    this.step = step;
    this.at = [...at];
    this.allowed = [...allowed];
    this.blocked = new Map(
      BLOCKING.map((reason) => [reason, [...blocked[reason] ?? at.map(() => 0)]]),
    );
  }

  /** Adds what a tick counted to the point that it falls in. */
  add({ now, counts }: Tick): void {
    this.#moveTo(now);
    const last = this.at.length - 1;
    if (last < 0) return;
    this.allowed[last] += counts.allowed;
    for (const [reason, column] of this.blocked) column[last] += counts.blocked[reason] ?? 0;
  }

  /** Points up to the present one: those in which nothing was heard have nothing. */
  #moveTo(now: number): void {
    const step = this.step * 1_000;
    const last = this.at[this.at.length - 1];
    const missing = Math.max(0, Math.floor((now - last) / step));
    const newest = last + missing * step;
    for (let points = Math.min(missing, this.at.length); points > 0; points--) {
      for (const column of [this.allowed, ...this.blocked.values()]) {
        column.shift();
        column.push(0);
      }
      this.at.shift();
      this.at.push(newest - (points - 1) * step);
    }
  }

  /**
   * How many seconds the last point stands for so far; undefined while it is too young to tell a
   * rate by.
   */
  youngest(now: number): number | undefined {
    const seconds = (now - this.at[this.at.length - 1]) / 1_000;
    return seconds < this.step / 5 || this.step === 1 ? undefined : Math.min(seconds, this.step);
  }
}
