/** A netlink socket of libc: datagrams to the kernel and back. Nothing is opened at import. */

const SYMBOLS = {
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `int setsockopt(int fd, int level, int name, const void *value, socklen_t length)` */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** `int bind(int fd, const struct sockaddr *address, socklen_t length)` */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `ssize_t sendto(int fd, const void *, size_t, int flags, const struct sockaddr *, socklen_t)` */
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  /** `ssize_t recv(int fd, void *, size_t, int flags)` */
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const RECEIVE_TIMEOUT_SECONDS = 5n;

/** Larger than any answer to the requests that pfw makes. */
const BUFFER_BYTES = 32_768;

/** What a socket is for: NETLINK_ROUTE and NETLINK_NETFILTER of netlink(7). */
export const Netlink = { route: 0, netfilter: 12 } as const;
type Netlink = typeof Netlink[keyof typeof Netlink];

const MSG_DONTWAIT = 0x40;

/** An owned socket. */
export class NetlinkSocket implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #descriptor: number;

  /**
   * @param groups a bit for each multicast group to which it belongs
   * @throws Error when libc or the socket cannot be opened
   */
  constructor(protocol: Netlink, groups = 0) {
    this.#library = Deno.dlopen("libc.so.6", SYMBOLS);
    const { symbols } = this.#library;
    this.#descriptor = symbols.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    const own = address(groups);
    if (this.#descriptor < 0 || symbols.bind(this.#descriptor, own, own.length) !== 0) {
      if (this.#descriptor >= 0) symbols.close(this.#descriptor);
      this.#library.close();
      throw new Error("cannot open a netlink socket");
    }
    const timeout = new BigInt64Array([RECEIVE_TIMEOUT_SECONDS, 0n]);
    symbols.setsockopt(this.#descriptor, SOL_SOCKET, SO_RCVTIMEO, bytesOf(timeout), 16);
  }

  /** Sends one datagram to the kernel; throws when it does not take it. */
  send(datagram: Uint8Array<ArrayBuffer>): void {
    const kernel = address(0);
    const sent = this.#library.symbols.sendto(
      this.#descriptor,
      datagram,
      BigInt(datagram.length),
      0,
      kernel,
      kernel.length,
    );
    if (Number(sent) !== datagram.length) throw new Error("the kernel took no netlink message");
  }

  /** Throws away what waits. @returns whether anything did */
  discard(): boolean {
    const buffer = new Uint8Array(64), { recv } = this.#library.symbols;
    let waited = false;
    while (Number(recv(this.#descriptor, buffer, BigInt(buffer.length), MSG_DONTWAIT)) > 0) {
      waited = true;
    }
    return waited;
  }

  /** Waits at most 5 s for one datagram; throws when none comes. */
  receive(): Uint8Array<ArrayBuffer> {
    const buffer = new Uint8Array(BUFFER_BYTES);
    const length = this.#library.symbols.recv(
      this.#descriptor,
      buffer,
      BigInt(buffer.length),
      0,
    );
    if (Number(length) <= 0) throw new Error("no answer to a netlink message");
    return buffer.subarray(0, Number(length));
  }

  [Symbol.dispose](): void {
    this.#library.symbols.close(this.#descriptor);
    this.#library.close();
  }
}

/** struct sockaddr_nl: family, pad, port 0 (the kernel's, or one that it chooses), groups. */
function address(groups: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  return new Uint8Array(view.buffer);
}

function bytesOf(words: BigInt64Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer);
}
