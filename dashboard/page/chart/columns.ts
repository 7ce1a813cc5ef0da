/** From counts to what is shown: sums, rates, and reasons laid on top of each other. */
import type { SpanData } from "../live/span_data.ts";
import { BLOCKING } from "../text/reason.ts";

/** Columns for two charts over the same time; times are seconds since 1970. */
export interface Columns {
  readonly at: number[];
  readonly allowed: number[];
  /** By reason in the order of `BLOCKING`, not laid on top of each other. */
  readonly blocked: number[][];
  /** The same, each with all below it; the topmost first, as it is drawn. */
  readonly stacked: number[][];
  /** Packets of all points, also of one that is too young to be drawn. */
  readonly sums: { readonly allowed: number; readonly blocked: readonly number[] };
}

/** The last point is left out while it is too young, else it stands for the time it has. */
export function toColumns(data: SpanData, now: number): Columns {
  const young = data.youngest(now);
  const length = data.at.length - (young === undefined ? 1 : 0);
  const rate = (column: readonly number[]) => {
    const rates = new Array<number>(Math.max(0, length));
    for (let at = 0; at < length; at++) {
      const isLast = at === data.at.length - 1;
      rates[at] = column[at] / (isLast ? young! : data.step);
    }
    return rates;
  };
  const blocked = BLOCKING.map((reason) => rate(data.blocked.get(reason)!));
  return {
    at: data.at.slice(0, length).map((time) => time / 1_000),
    allowed: rate(data.allowed),
    blocked,
    stacked: stack(blocked).reverse(),
    sums: {
      allowed: sum(data.allowed),
      blocked: BLOCKING.map((reason) => sum(data.blocked.get(reason)!)),
    },
  };
}

function sum(column: readonly number[]): number {
  return column.reduce((all, count) => all + count, 0);
}

function stack(columns: readonly number[][]): number[][] {
  const below: number[] = new Array(columns[0].length).fill(0);
  return columns.map((column) => column.map((value, at) => below[at] += value));
}
