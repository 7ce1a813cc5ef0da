/** Disjoint, sorted address ranges with a value each, and laying one set of them under another. */

/** Room for words of addresses: typed arrays for IPv4, for lists are long and boxes slow. */
export interface Words<T> {
  readonly length: number;
  [at: number]: T;
}

/** Parallel arrays, filled from their beginning; `ends` are inclusive. */
export interface Ranges<T extends number | bigint> {
  readonly starts: Words<T>;
  readonly ends: Words<T>;
  readonly values: Words<number>;
  /** How many ranges they hold. */
  count: number;
}

/** Makes room for so many ranges. */
export type MakeRanges<T extends number | bigint> = (size: number) => Ranges<T>;

/** Room for ranges of IPv4. */
export function ranges4(size: number): Ranges<number> {
  return {
    starts: new Uint32Array(size),
    ends: new Uint32Array(size),
    values: new Int32Array(size),
    count: 0,
  };
}

/** Room for ranges of IPv6. */
export function ranges6(_size: number): Ranges<bigint> {
  return { starts: [], ends: [], values: [], count: 0 };
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
  make: MakeRanges<T>,
): Ranges<T> {
  if (upper.count === 0) return lower;
  if (lower.count === 0) return upper;
  // Each upper range may cut a lower one in two.
  const result = make(2 * upper.count + lower.count);
  const { starts, ends } = upper;
  let above = 0;
  for (let below = 0; below < lower.count; below++) {
    let start = lower.starts[below];
    const end = lower.ends[below], value = lower.values[below];
    while (above < upper.count && ends[above] < start) pushFrom(result, upper, above++);
    while (above < upper.count && starts[above] <= end) {
      if (starts[above] > start) push(result, start, minus(starts[above], one), value);
      start = plus(ends[above], one);
      // It may reach into the next lower ranges as well.
      if (start > end) break;
      pushFrom(result, upper, above++);
    }
    if (start <= end) push(result, start, end, value);
  }
  while (above < upper.count) pushFrom(result, upper, above++);
  return result;
}

function pushFrom<T extends number | bigint>(ranges: Ranges<T>, from: Ranges<T>, at: number): void {
  push(ranges, from.starts[at], from.ends[at], from.values[at]);
}

function push<T extends number | bigint>(ranges: Ranges<T>, start: T, end: T, value: number): void {
  const at = ranges.count++;
  ranges.starts[at] = start;
  ranges.ends[at] = end;
  ranges.values[at] = value;
}

function plus<T extends number | bigint>(value: T, one: T): T {
  return ((value as number) + (one as number)) as T;
}

function minus<T extends number | bigint>(value: T, one: T): T {
  return ((value as number) - (one as number)) as T;
}
