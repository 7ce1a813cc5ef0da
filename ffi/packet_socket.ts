/** A packet socket (packet(7)) with the kernel's ring in this process's memory. */
import { interfaceIndex } from "./libc.ts";
import { SharedMapping } from "./shared_mapping.ts";

const SYMBOLS = {
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" /* int */ },
  /** `int setsockopt(int fd, int level, int name, const void *value, socklen_t length)` */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" /* int */ },
  /** `int getsockopt(int fd, int level, int name, void *value, socklen_t *length)` */
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" /* int */ },
  /** `int bind(int fd, const struct sockaddr *address, socklen_t length)` */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" /* int */ },
  /** `int getsockname(int fd, struct sockaddr *address, socklen_t *length)` */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" /* int */ },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_PACKET = 17, SOCK_DGRAM = 2, SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000, SOCK_NONBLOCK = 0o4000;
const ETH_P_ALL = 0x0003;
const SOL_SOCKET = 1, SO_ERROR = 4, SO_ATTACH_FILTER = 26, SO_ATTACH_BPF = 50;
const SOL_PACKET = 263, PACKET_RX_RING = 5, PACKET_STATISTICS = 6, PACKET_VERSION = 10;
const TPACKET_V3 = 2;
/** BPF_RET | BPF_K: how many bytes of a packet are kept. */
const BPF_RETURN = 0x06;
/** struct sockaddr_ll, and where its fields are. */
const ADDRESS_BYTES = 20, ADDRESS_PROTOCOL = 2, ADDRESS_INTERFACE = 4, ADDRESS_TYPE = 8;
/** ARPHRD_ETHER, and ARPHRD_LOOPBACK, whose frames look the same. */
const ETHERNET = 1, LOOPBACK = 772;

/** ENETDOWN of errno(3). */
export const NETWORK_DOWN = 100;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let library: Symbols | undefined;

function libc(): Symbols {
  return library ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

/** How a ring is laid out. */
export interface RingShape {
  readonly blockBytes: number;
  readonly blocks: number;
}

/** How a socket is opened. */
export interface SocketOptions extends RingShape {
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  /** Longest time in ms that a packet waits in a block that is not full. */
  readonly timeout: number;
  /** Whether an interface that is down is opened, too. */
  readonly mayBeDown: boolean;
}

/** Packets since the last call. */
export interface PacketStatistics {
  /** With those that were dropped. */
  readonly packets: number;
  readonly drops: number;
}

/** An owned socket and the mapping of its ring. */
export class PacketSocket implements Disposable {
  readonly descriptor: number;
  #mapping: SharedMapping | undefined;
  readonly #length: number;

  private constructor(descriptor: number, length: number) {
    this.descriptor = descriptor;
    this.#length = length;
  }

  /**
   * Opens an Ethernet interface (whole frames), or `any` (from the network layer on).
   *
   * @returns `undefined` where that cannot be: another kind of interface, one that is down or does
   * not exist, a kernel or a process that may not. libpcap knows to say why.
   */
  static open(device: string, options: SocketOptions): PacketSocket | undefined {
    const index = device === "any" ? 0 : interfaceIndex(device);
    if (index === 0 && device !== "any") return undefined;
    const type = (index === 0 ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    // Of no protocol, and so without packets, until the ring is there.
    const descriptor = libc().socket(AF_PACKET, type, 0);
    if (descriptor < 0) return undefined;
    const socket = new PacketSocket(descriptor, options.blocks * options.blockBytes);
    if (socket.#prepare(options) && socket.#map() && socket.#bind(index, options)) return socket;
    socket[Symbol.dispose]();
    return undefined;
  }

  #prepare({ blockBytes, blocks, snaplen, timeout }: SocketOptions): boolean {
    const frames = blocks * (blockBytes / FRAME_BYTES);
    // struct tpacket_req3; the last two words are 0: no private area, no features.
    const ring = Uint32Array.of(blockBytes, blocks, FRAME_BYTES, frames, timeout, 0, 0);
    return this.#set(SOL_PACKET, PACKET_VERSION, Uint32Array.of(TPACKET_V3)) &&
      this.#set(SOL_PACKET, PACKET_RX_RING, ring) && this.takeEvery(snaplen);
  }

  /**
   * A filter of one instruction, which keeps the first bytes of every packet.
   *
   * @returns whether the kernel took it
   */
  takeEvery(snaplen: number): boolean {
    // A buffer of its own lies where no garbage collection moves it.
    const instruction = new Uint32Array(new ArrayBuffer(8));
    instruction.set([BPF_RETURN, snaplen]);
    const pointer = Deno.UnsafePointer.value(Deno.UnsafePointer.of(instruction));
    // struct sock_fprog: the number of instructions, and where they are.
    return this.#set(SOL_SOCKET, SO_ATTACH_FILTER, BigUint64Array.of(1n, pointer));
  }

  /**
   * Has a program decide what is kept of each packet.
   *
   * @param program descriptor of a socket filter (bpf(2))
   * @returns whether the kernel took it
   */
  takeBy(program: number): boolean {
    return this.#set(SOL_SOCKET, SO_ATTACH_BPF, Uint32Array.of(program));
  }

  #map(): boolean {
    this.#mapping = SharedMapping.open(this.descriptor, this.#length);
    return this.#mapping !== undefined;
  }

  #bind(index: number, { mayBeDown }: SocketOptions): boolean {
    const view = new DataView(new ArrayBuffer(ADDRESS_BYTES));
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(ADDRESS_PROTOCOL, ETH_P_ALL);
    view.setInt32(ADDRESS_INTERFACE, index, true);
    const bytes = new Uint8Array(view.buffer);
    if (libc().bind(this.descriptor, bytes, ADDRESS_BYTES) !== 0) return false;
    const error = this.error();
    if (error !== 0 && !(mayBeDown && error === NETWORK_DOWN)) return false;
    if (index === 0) return true;
    const length = new Uint8Array(Uint32Array.of(ADDRESS_BYTES).buffer);
    if (libc().getsockname(this.descriptor, bytes, length) !== 0) return false;
    const type = view.getUint16(ADDRESS_TYPE, true);
    return type === ETHERNET || type === LOOPBACK;
  }

  #set(level: number, name: number, value: Uint32Array | BigUint64Array): boolean {
    const bytes = new Uint8Array(value.buffer as ArrayBuffer);
    return libc().setsockopt(this.descriptor, level, name, bytes, bytes.length) === 0;
  }

  /** The ring's memory. It is gone once the socket is closed: reading it then ends the process. */
  memory(): ArrayBuffer {
    if (!this.#mapping) throw new Error("the packet socket is closed");
    return this.#mapping.memory();
  }

  /** The error that waits (errno(3)), or 0. Asking clears it. */
  error(): number {
    return this.#get(SOL_SOCKET, SO_ERROR, 1)?.[0] ?? 0;
  }

  /** Counters since the last call. */
  statistics(): PacketStatistics {
    const counters = this.#get(SOL_PACKET, PACKET_STATISTICS, 3);
    return { packets: counters?.[0] ?? 0, drops: counters?.[1] ?? 0 };
  }

  #get(level: number, name: number, words: number): Uint32Array | undefined {
    const value = new Uint32Array(words);
    const length = new Uint8Array(Uint32Array.of(4 * words).buffer);
    const bytes = new Uint8Array(value.buffer);
    return libc().getsockopt(this.descriptor, level, name, bytes, length) === 0 ? value : undefined;
  }

  [Symbol.dispose](): void {
    this.#mapping?.[Symbol.dispose]();
    this.#mapping = undefined;
    libc().close(this.descriptor);
  }
}

/** What the kernel wants a block to be a multiple of; packets of one block lie closer. */
const FRAME_BYTES = 2048;
