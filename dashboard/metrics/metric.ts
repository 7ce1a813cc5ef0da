/** What a metric is: its words, and how its values come from a reading. */
import type { Reading } from "./source.ts";

/** One value with its labels. */
export type Sample<Label extends string = string> = readonly [
  labels: Readonly<Record<Label, string>>,
  value: number,
];

/** One metric. Its name ends in its unit, and that of a counter in `_total`. */
export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  /** One sentence for people. */
  readonly help: string;
  readonly labels: readonly string[];
  /** No sample: not known, or nothing of that kind is there. */
  samples(reading: Reading): readonly Sample[];
}

/** A value without labels; `undefined` where it is not known. */
type Value = (reading: Reading) => number | undefined;

type Samples<Label extends string> = (reading: Reading) => readonly Sample<Label>[];

/** Never falls while pfw runs. */
export function counter(name: `${string}_total`, help: string, value: Value): Metric {
  return { name, type: "counter", help, labels: [], samples: single(value) };
}

/** Rises and falls. */
export function gauge(name: string, help: string, value: Value): Metric {
  return { name, type: "gauge", help, labels: [], samples: single(value) };
}

/** Counters of one name, told apart by labels. */
export function counters<const Label extends string>(
  name: `${string}_total`,
  help: string,
  labels: readonly Label[],
  samples: Samples<Label>,
): Metric {
  return { name, type: "counter", help, labels, samples };
}

/** Gauges of one name, told apart by labels. */
export function gauges<const Label extends string>(
  name: string,
  help: string,
  labels: readonly Label[],
  samples: Samples<Label>,
): Metric {
  return { name, type: "gauge", help, labels, samples };
}

function single(value: Value): Metric["samples"] {
  return (reading) => {
    const found = value(reading);
    return found === undefined ? [] : [[{}, found]];
  };
}

/** Yes or no, as Prometheus has it. */
export function bit(value: boolean): 0 | 1 {
  return value ? 1 : 0;
}

/** A time in ISO 8601 as seconds since 1970. */
export function secondsOf(time: string): number {
  return Date.parse(time) / 1000;
}
