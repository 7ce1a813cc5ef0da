/** Memory that the kernel and this process share, by a descriptor (mmap(2)). */

const SYMBOLS = {
  /** `void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)` */
  mmap: {
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64" /* off_t */],
    result: "pointer", /* void* */
  },
  /** `int munmap(void *addr, size_t length)` */
  munmap: { parameters: ["pointer", "usize"], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

const PROT_READ = 1, PROT_READ_WRITE = 3, MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

function libc() {
  return (library ??= Deno.dlopen("libc.so.6", SYMBOLS)).symbols;
}

/** An owned mapping; the descriptor stays its owner's. */
export class SharedMapping implements Disposable {
  #memory: Deno.PointerValue;

  private constructor(memory: Deno.PointerValue, readonly length: number) {
    this.#memory = memory;
  }

  /** @returns `undefined` where the kernel does not map it */
  static open(descriptor: number, length: number): SharedMapping | undefined {
    return SharedMapping.#map(descriptor, length, PROT_READ_WRITE, 0);
  }

  /**
   * The same, from an offset on; writing to it ends the process.
   *
   * @returns `undefined` where the kernel does not map it
   */
  static openToRead(descriptor: number, length: number, offset: number): SharedMapping | undefined {
    return SharedMapping.#map(descriptor, length, PROT_READ, offset);
  }

  static #map(descriptor: number, length: number, protection: number, offset: number) {
    const memory = libc()
      .mmap(null, BigInt(length), protection, MAP_SHARED, descriptor, BigInt(offset));
    if (Deno.UnsafePointer.value(memory) === MAP_FAILED) return undefined;
    return new SharedMapping(memory, length);
  }

  /** The bytes. They are gone with this object: reading them then ends the process. */
  memory(): ArrayBuffer {
    if (this.#memory === null) throw new Error("the shared memory is closed");
    return Deno.UnsafePointerView.getArrayBuffer(this.#memory, this.length);
  }

  [Symbol.dispose](): void {
    if (this.#memory !== null) libc().munmap(this.#memory, BigInt(this.length));
    this.#memory = null;
  }
}
