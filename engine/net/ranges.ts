/** Disjoint, sorted address ranges with a value each, and laying one set of them under another. */

/** Parallel arrays; `ends` are inclusive. */
export interface Ranges<T extends number | bigint> {
  readonly starts: T[];
  readonly ends: T[];
  readonly values: number[];
}

/**
 * All of `upper`, and of `lower` what `upper` leaves free.
 *
 * @param one 1 or 1n, the step from one address to the next
 */
export function overlay<T extends number | bigint>(
  upper: Ranges<T>,
  lower: Ranges<T>,
  one: T,
): Ranges<T> {
  if (upper.values.length === 0) return lower;
  const result: Ranges<T> = { starts: [], ends: [], values: [] };
  let above = 0;
  const pushUpperUntil = (limit: T | undefined) => {
    while (above < upper.values.length && (limit === undefined || upper.starts[above] <= limit)) {
      push(result, upper.starts[above], upper.ends[above], upper.values[above]);
      above++;
    }
  };
  for (let below = 0; below < lower.values.length; below++) {
    let start = lower.starts[below];
    const end = lower.ends[below], value = lower.values[below];
    // An upper range that began earlier may reach into this one.
    pushUpperUntil(start);
    const previousEnd = above > 0 ? upper.ends[above - 1] : undefined;
    if (previousEnd !== undefined && previousEnd >= start) start = plus(previousEnd, one);
    while (start <= end) {
      const next = above < upper.values.length ? upper.starts[above] : undefined;
      if (next === undefined || next > end) {
        push(result, start, end, value);
        break;
      }
      if (next > start) push(result, start, minus(next, one), value);
      start = plus(upper.ends[above], one);
      pushUpperUntil(next);
    }
  }
  pushUpperUntil(undefined);
  return result;
}

function push<T extends number | bigint>(ranges: Ranges<T>, start: T, end: T, value: number) {
  ranges.starts.push(start);
  ranges.ends.push(end);
  ranges.values.push(value);
}

function plus<T extends number | bigint>(value: T, one: T): T {
  return ((value as number) + (one as number)) as T;
}

function minus<T extends number | bigint>(value: T, one: T): T {
  return ((value as number) - (one as number)) as T;
}
