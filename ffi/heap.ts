/** glibc's allocator keeps what was freed; this has it give back. Other libraries need no such word. */

const SYMBOLS = {
  /** `int malloc_trim(size_t pad)` of malloc.h */
  malloc_trim: { parameters: ["usize" /* size_t */], result: "i32" /* int */ },
  /** `int mallopt(int param, int value)` of malloc.h */
  mallopt: { parameters: ["i32", /* int */ "i32" /* int */], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

/** `M_MMAP_THRESHOLD` of malloc.h. */
const MMAP_THRESHOLD = -3;
/** Bytes; glibc's own value at the start of a process. */
const LARGE = 128 * 1024;

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined | "missing";

/** Returns the free pages of the heap to the system, where libc can. */
export function trimHeap(): void {
  symbols()?.malloc_trim(0n);
}

/**
 * Keeps large blocks out of the heap, so that each goes back to the system when it is freed. Without
 * this, glibc takes the first large block that is freed as a sign to have the next ones lie in the
 * heap, up to 32 MB, between small ones that stay: holes that only other large blocks fill.
 */
export function keepLargeBlocksApart(): void {
  symbols()?.mallopt(MMAP_THRESHOLD, LARGE);
}

function symbols(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined {
  library ??= open();
  return library === "missing" ? undefined : library.symbols;
}

function open(): Deno.DynamicLibrary<typeof SYMBOLS> | "missing" {
  try {
    return Deno.dlopen("libc.so.6", SYMBOLS);
  } catch {
    return "missing";
  }
}
