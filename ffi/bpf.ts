/**
 * What bpf(2) gives: programs in the kernel, memory that they share with this process, and interfaces
 * that they are attached to.
 */
import { holding } from "./held.ts";
import { SharedMapping } from "./shared_mapping.ts";

const SYMBOLS = {
  /** `long syscall(long number, ...)`: glibc has no function of its own for bpf(2) */
  syscall: { parameters: ["i64", "i32", "buffer", "u32"], result: "i64" },
  /** The same on a thread of its own. */
  slowSyscall: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "u32"],
    result: "i64",
    nonblocking: true,
  },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" /* int */ },
  /** The same on a thread of its own. */
  slowClose: { name: "close", parameters: ["i32"], result: "i32", nonblocking: true },
  /** `long sysconf(int name)` */
  sysconf: { parameters: ["i32"], result: "i64" /* long */ },
} as const satisfies Deno.ForeignLibraryInterface;

/** `__NR_bpf`, by processor. */
const BPF_CALL = { x86_64: 321n, aarch64: 280n }[Deno.build.arch];
const MAP_CREATE = 0, PROGRAM_LOAD = 5, OBJECT_INFO = 15, LINK_CREATE = 28;
const ARRAY_MAP = 2, RING_MAP = 27;
/** BPF_F_MMAPABLE (Linux 5.5). */
const CAN_BE_MAPPED = 1 << 10;
/** Bytes of the part of union bpf_attr that is set; the kernel takes the rest for 0. */
const MAP_ATTRIBUTES = 20, PROGRAM_ATTRIBUTES = 24, LINK_ATTRIBUTES = 32;
/** Bytes of union bpf_attr that asking about an object sets, and of struct bpf_link_info as far as it is read. */
const INFO_ATTRIBUTES = 16, LINK_INFO = 24, LINK_INFO_INTERFACE = 16;
/** _SC_PAGESIZE of sysconf(3). */
const PAGE_SIZE = 30;
/** BPF_F_BEFORE, and of what: of all that are attached already. */
const BEFORE = 1 << 3;
/** The functions that are called are everybody's, so the licence is this project's own. */
const LICENCE = new Uint8Array(new ArrayBuffer(4));
new TextEncoder().encodeInto("MIT\0", LICENCE);

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

function libc() {
  return (library ??= Deno.dlopen("libc.so.6", SYMBOLS)).symbols;
}

/** What a program is for (enum bpf_prog_type): it answers which packets a socket gets, or sees those of an interface. */
export const ProgramKind = { socketFilter: 1, classifier: 3 } as const;

/** Where an interface's packets are seen (enum bpf_attach_type, Linux 6.6). */
export const Direction = { incoming: 46, outgoing: 47 } as const;

/** An owned descriptor of a program. */
export class Program implements Disposable {
  private constructor(readonly descriptor: number) {}

  /**
   * @param kind one of `ProgramKind`
   * @param code instructions as `BpfAssembler` writes them
   * @returns `undefined` where the kernel has no such thing or this process may not
   */
  static load(kind: number, code: Uint8Array<ArrayBuffer>): Program | undefined {
    const view = new DataView(new ArrayBuffer(PROGRAM_ATTRIBUTES));
    view.setUint32(0, kind, true);
    view.setUint32(4, code.length / 8, true);
    view.setBigUint64(8, addressOf(code), true);
    view.setBigUint64(16, addressOf(LICENCE), true);
    const descriptor = bpf(PROGRAM_LOAD, view);
    return descriptor < 0 ? undefined : new Program(descriptor);
  }

  [Symbol.dispose](): void {
    libc().close(this.descriptor);
  }
}

/**
 * A descriptor that keeps a program at an interface, until it is closed or the process ends. Whatever is
 * done with it takes the lock of all interfaces, and the kernel waits for all processors, some 10 ms, to
 * put a program there or take it away; so it is left to another thread.
 */
export class Attachment {
  private constructor(readonly descriptor: number) {}

  /**
   * Puts a classifier before all others of an interface (tcx).
   *
   * @param index of the interface, in this process's namespace
   * @param direction one of `Direction`
   * @returns `undefined` where the kernel has no such thing or this process may not
   */
  static async create(
    program: Program,
    index: number,
    direction: number,
  ): Promise<Attachment | undefined> {
    const view = new DataView(new ArrayBuffer(LINK_ATTRIBUTES));
    setWords(view, [program.descriptor, index, direction, BEFORE]);
    const descriptor = await slowBpf(LINK_CREATE, view);
    return descriptor < 0 ? undefined : new Attachment(descriptor);
  }

  /** The index of the interface; 0 once that is no more, or somebody has detached the program. */
  async interface(): Promise<number> {
    const info = new Uint8Array(LINK_INFO), view = new DataView(new ArrayBuffer(INFO_ATTRIBUTES));
    view.setUint32(0, this.descriptor, true);
    view.setUint32(4, info.length, true);
    view.setBigUint64(8, addressOf(info), true);
    if (await holding(info, slowBpf(OBJECT_INFO, view)) < 0) return 0;
    return new DataView(info.buffer).getUint32(LINK_INFO_INTERFACE, true);
  }

  async close(): Promise<void> {
    await libc().slowClose(this.descriptor);
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
    const descriptor = createMap(ARRAY_MAP, [4, /* of the key */ length, 1, CAN_BE_MAPPED]);
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

/** A ring that programs write records to (BPF_MAP_TYPE_RINGBUF, Linux 5.8), mapped once. */
export class RingMap implements Disposable {
  private constructor(
    readonly descriptor: number,
    /** How far it was read: 64 bits, which this process writes. */
    readonly consumed: SharedMapping,
    /** How far it was written: 64 bits; then, from `dataAt` on, the records. Not to be written. */
    readonly produced: SharedMapping,
    /** Bytes: a page. */
    readonly dataAt: number,
  ) {}

  /**
   * @param length bytes, a power of two and a multiple of a page
   * @returns `undefined` where the kernel has no such thing or this process may not
   */
  static create(length: number): RingMap | undefined {
    const descriptor = createMap(RING_MAP, [0, 0, length, 0]);
    if (descriptor < 0) return undefined;
    const page = Number(libc().sysconf(PAGE_SIZE));
    const consumed = SharedMapping.open(descriptor, page);
    const produced = SharedMapping.openToRead(descriptor, page + length, page);
    if (consumed && produced) return new RingMap(descriptor, consumed, produced, page);
    consumed?.[Symbol.dispose]();
    produced?.[Symbol.dispose]();
    libc().close(descriptor);
    return undefined;
  }

  [Symbol.dispose](): void {
    this.consumed[Symbol.dispose]();
    this.produced[Symbol.dispose]();
    libc().close(this.descriptor);
  }
}

/** A descriptor, or -1. @param sizes bytes of a key and of a value, entries, flags */
function createMap(type: number, sizes: readonly number[]): number {
  const view = new DataView(new ArrayBuffer(MAP_ATTRIBUTES));
  setWords(view, [type, ...sizes]);
  return bpf(MAP_CREATE, view);
}

/** A descriptor, or -1. */
function bpf(command: number, attributes: DataView<ArrayBuffer>): number {
  if (BPF_CALL === undefined) return -1;
  const bytes = new Uint8Array(attributes.buffer);
  return Number(libc().syscall(BPF_CALL, command, bytes, bytes.length));
}

function setWords(view: DataView, words: readonly number[]): void {
  words.forEach((word, at) => view.setUint32(4 * at, word, true));
}

/** The same as `bpf`, on a thread of its own. */
async function slowBpf(command: number, attributes: DataView<ArrayBuffer>): Promise<number> {
  if (BPF_CALL === undefined) return -1;
  const bytes = new Uint8Array(attributes.buffer);
  const call = libc().slowSyscall(BPF_CALL, command, bytes, bytes.length);
  return Number(await holding(bytes, call));
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
