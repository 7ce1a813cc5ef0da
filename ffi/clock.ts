/** The kernel's clocks (clock_gettime(2)). */

const SYMBOLS = {
  /** `int clock_gettime(clockid_t clock, struct timespec *time)` */
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

const REALTIME = 0, MONOTONIC = 1;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

/** Within how many nanoseconds both clocks are read, unless something always comes between. */
const AT_ONCE = 100_000n, TRIES = 5;

/** By how many nanoseconds the time of day is ahead of the monotonic clock, by which the kernel counts. */
export function timeOfDayAhead(): bigint {
  for (let attempt = 1;; attempt++) {
    const before = read(MONOTONIC), time = read(REALTIME), span = read(MONOTONIC) - before;
    if (span < AT_ONCE || attempt === TRIES) return time - before - span / 2n;
  }
}

/** Nanoseconds. */
function read(clock: number): bigint {
  library ??= Deno.dlopen("libc.so.6", SYMBOLS);
  const time = new BigInt64Array(2);
  library.symbols.clock_gettime(clock, new Uint8Array(time.buffer));
  return time[0] * NANOSECONDS_PER_SECOND + time[1];
}
