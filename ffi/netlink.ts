/** A netlink socket of libc: datagrams to the kernel and back. Nothing is opened at import. */

const SYMBOLS = {
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `int setsockopt(int fd, int level, int name, const void *value, socklen_t length)` */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
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
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const RECEIVE_TIMEOUT_SECONDS = 5n;

/** Larger than any answer to the requests that pfw makes. */
const BUFFER_BYTES = 32_768;

/** An owned socket for `NETLINK_NETFILTER` (netlink(7)). */
export class NetfilterSocket implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #descriptor: number;

  /** @throws Error when libc or the socket cannot be opened */
  constructor() {
    this.#library = Deno.dlopen("libc.so.6", SYMBOLS);
    const { symbols } = this.#library;
    this.#descriptor = symbols.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (this.#descriptor < 0) {
      this.#library.close();
      throw new Error("cannot open a netfilter netlink socket");
    }
    const timeout = new BigInt64Array([RECEIVE_TIMEOUT_SECONDS, 0n]);
    symbols.setsockopt(this.#descriptor, SOL_SOCKET, SO_RCVTIMEO, bytesOf(timeout), 16);
  }

  /** Sends one datagram to the kernel; throws when it does not take it. */
  send(datagram: Uint8Array<ArrayBuffer>): void {
    // struct sockaddr_nl: family, pad, port 0 (the kernel), no groups.
    const kernel = new Uint8Array(12);
    new DataView(kernel.buffer).setUint16(0, AF_NETLINK, true);
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

function bytesOf(words: BigInt64Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer);
}
