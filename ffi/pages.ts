/** Pages of the program's own file: the system reads them again whenever they are needed. */

const SYMBOLS = {
  /** `int madvise(void addr[.length], size_t length, int advice)` */
  madvise: {
    parameters: ["usize", /* void* */ "usize", /* size_t */ "i32" /* int */],
    result: "i32", /* int */
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** `MADV_DONTNEED` of madvise(2): the same number on every processor that pfw runs on. */
const DONT_NEED = 4;

/** Addresses in this process: the first byte, and how many. */
export interface PageRange {
  readonly address: bigint;
  readonly length: bigint;
}

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined | "missing";

/**
 * Gives up the pages of a range. Only for what `unchangedRanges` found: anything else would be full
 * of zeros afterwards, or what the file holds.
 */
export function releasePages({ address, length }: PageRange): void {
  library ??= open();
  if (library !== "missing") library.symbols.madvise(address, length, DONT_NEED);
}

/**
 * The ranges of this process that are a file's own bytes: nobody can write to them, and none of
 * their pages is a private copy, in memory or swapped out.
 *
 * @param smaps `/proc/self/smaps` (proc(5))
 * @param file path of the file, as the text has it
 */
export function unchangedRanges(smaps: string, file: string): PageRange[] {
  const ranges: PageRange[] = [];
  for (const text of smaps.split(/^(?=[0-9a-f]+-)/m)) {
    const [, from, to, path] = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ \d+ +(.*)$/m.exec(text) ??
      [];
    if (path !== file || !hasNone("Anonymous", text) || !hasNone("Swap", text)) continue;
    const address = BigInt(`0x${from}`);
    ranges.push({ address, length: BigInt(`0x${to}`) - address });
  }
  return ranges;
}

function hasNone(what: string, text: string): boolean {
  return new RegExp(`^${what}: +0 kB$`, "m").test(text);
}

function open(): Deno.DynamicLibrary<typeof SYMBOLS> | "missing" {
  for (const name of ["libc.so.6", "libc.so"]) {
    try {
      return Deno.dlopen(name, SYMBOLS);
    } catch { /* the next name */ }
  }
  return "missing";
}
