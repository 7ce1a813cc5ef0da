/** The kernel's clocks (clock_gettime(2)). */

const SYMBOLS = {
  /** `int clock_gettime(clockid_t clock, struct timespec *time)` */
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

const REALTIME = 0, MONOTONIC = 1;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

/** By how many nanoseconds the time of day is ahead of the monotonic clock, by which the kernel counts. */
export function timeOfDayAhead(): bigint {
  return read(REALTIME) - read(MONOTONIC);
}

/** Nanoseconds. */
function read(clock: number): bigint {
  library ??= Deno.dlopen("libc.so.6", SYMBOLS);
  const time = new BigInt64Array(2);
  library.symbols.clock_gettime(clock, new Uint8Array(time.buffer));
  return time[0] * NANOSECONDS_PER_SECOND + time[1];
}
