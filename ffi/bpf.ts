/** What bpf(2) gives: memory that a program in the kernel shares with this process, and the program. */
import { SharedMapping } from "./shared_mapping.ts";

const SYMBOLS = {
  /** `long syscall(long number, ...)`: glibc has no function of its own for bpf(2) */
  syscall: { parameters: ["i64", "i32", "buffer", "u32"], result: "i64" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

/** `__NR_bpf`, by processor. */
const BPF_CALL = { x86_64: 321n, aarch64: 280n }[Deno.build.arch];
const MAP_CREATE = 0, PROGRAM_LOAD = 5;
const ARRAY_MAP = 2, SOCKET_FILTER = 1;
/** BPF_F_MMAPABLE (Linux 5.5). */
const CAN_BE_MAPPED = 1 << 10;
/** Bytes of the part of union bpf_attr that is set; the kernel takes the rest for 0. */
const MAP_ATTRIBUTES = 20, PROGRAM_ATTRIBUTES = 24;
/** The functions that are called are everybody's, so the licence is this project's own. */
const LICENCE = new Uint8Array(new ArrayBuffer(4));
new TextEncoder().encodeInto("MIT\0", LICENCE);

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

function libc() {
  return (library ??= Deno.dlopen("libc.so.6", SYMBOLS)).symbols;
}

/** An owned descriptor of a program that decides which packets a socket gets. */
export class SocketProgram implements Disposable {
  private constructor(readonly descriptor: number) {}

  /**
   * @param code instructions as `BpfAssembler` writes them
   * @returns `undefined` where the kernel has no such thing or this process may not
   */
  static load(code: Uint8Array<ArrayBuffer>): SocketProgram | undefined {
    const view = new DataView(new ArrayBuffer(PROGRAM_ATTRIBUTES));
    view.setUint32(0, SOCKET_FILTER, true);
    view.setUint32(4, code.length / 8, true);
    view.setBigUint64(8, addressOf(code), true);
    view.setBigUint64(16, addressOf(LICENCE), true);
    const descriptor = bpf(PROGRAM_LOAD, view);
    return descriptor < 0 ? undefined : new SocketProgram(descriptor);
  }

  [Symbol.dispose](): void {
    libc().close(this.descriptor);
  }
}

/** A map of one value, in the memory of both the kernel and this process. */
export class SharedMap implements Disposable {
  private constructor(readonly descriptor: number, readonly mapping: SharedMapping) {}

  /**
   * @param length bytes, a multiple of a page
   * @returns `undefined` where the kernel has no such thing or this process may not
   */
  static create(length: number): SharedMap | undefined {
    const view = new DataView(new ArrayBuffer(MAP_ATTRIBUTES));
    [ARRAY_MAP, 4, /* of the key */ length, 1, CAN_BE_MAPPED]
      .forEach((word, at) => view.setUint32(4 * at, word, true));
    const descriptor = bpf(MAP_CREATE, view);
    if (descriptor < 0) return undefined;
    const mapping = SharedMapping.open(descriptor, length);
    if (mapping) return new SharedMap(descriptor, mapping);
    libc().close(descriptor);
    return undefined;
  }

  [Symbol.dispose](): void {
    this.mapping[Symbol.dispose]();
    libc().close(this.descriptor);
  }
}

/** A descriptor, or -1. */
function bpf(command: number, attributes: DataView<ArrayBuffer>): number {
  if (BPF_CALL === undefined) return -1;
  const bytes = new Uint8Array(attributes.buffer);
  return Number(libc().syscall(BPF_CALL, command, bytes, bytes.length));
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
