/** glibc's allocator keeps what was freed; this gives it back. Other libraries need no such word. */

const SYMBOLS = {
  /** `int malloc_trim(size_t pad)` of malloc.h */
  malloc_trim: { parameters: ["usize" /* size_t */], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined | "missing";

/** Returns the free pages of the heap to the system, where libc can. */
export function trimHeap(): void {
  library ??= open();
  if (library !== "missing") library.symbols.malloc_trim(0n);
}

function open(): Deno.DynamicLibrary<typeof SYMBOLS> | "missing" {
  try {
    return Deno.dlopen("libc.so.6", SYMBOLS);
  } catch {
    return "missing";
  }
}
