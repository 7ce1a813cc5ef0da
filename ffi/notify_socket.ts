/** What talking to a service manager takes of libc: a datagram to a Unix socket, and the boot's clock. */
import { cString } from "./libc.ts";

const SYMBOLS = {
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" /* int */ },
  /** `ssize_t sendto(int fd, const void *, size_t, int flags, const struct sockaddr *, socklen_t)` */
  sendto: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32" /* socklen_t */],
    result: "isize", /* ssize_t */
  },
  /** `int clock_gettime(clockid_t clock, struct timespec *time)` */
  clock_gettime: { parameters: ["i32", "buffer" /* struct timespec* */], result: "i32" /* int */ },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

let library: Library | undefined;

/** Opened on first use; stays open for the life of the process. */
function symbols(): Library["symbols"] {
  library ??= openLibc();
  return library.symbols;
}

function openLibc(): Library {
  try {
    return Deno.dlopen("libc.so.6", SYMBOLS);
  } catch {
    return Deno.dlopen("libc.so", SYMBOLS);
  }
}

const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000;
/** Neither waits for a reader that is slow, nor dies of one that is gone. */
const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;
/** Bytes of `sun_path` in sockaddr_un, unix(7). */
const PATH_BYTES = 108;

/**
 * The address of a Unix socket as `struct sockaddr_un`, unix(7).
 *
 * @param path a path, or a name in the abstract namespace with `@` before it
 * @throws RangeError for a name that is empty or too long
 */
export function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const isAbstract = path.startsWith("@");
  // An abstract name begins with a zero byte and has no end but the length; a path ends with one.
  const name = isAbstract ? new TextEncoder().encode(`\0${path.slice(1)}`) : cString(path);
  if (path.length < 2 || name.length > PATH_BYTES) {
    throw new RangeError(`${JSON.stringify(path)} is no name of a Unix socket`);
  }
  const address = new Uint8Array(2 + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

/** A socket that sends datagrams to one Unix socket. */
export class DatagramSender implements Disposable {
  readonly #address: Uint8Array<ArrayBuffer>;
  #descriptor: number;

  /** @throws Error when the name cannot be one or no socket can be made */
  constructor(path: string) {
    this.#address = unixAddress(path);
    this.#descriptor = symbols().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (this.#descriptor < 0) throw new Error("cannot make a Unix socket");
  }

  /** Sends one datagram without waiting; returns whether it went. */
  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const length = BigInt(bytes.length);
    const { sendto } = symbols();
    const sent = sendto(
      this.#descriptor,
      bytes,
      length,
      flags,
      this.#address,
      this.#address.length,
    );
    return Number(sent) === bytes.length;
  }

  [Symbol.dispose](): void {
    if (this.#descriptor >= 0) symbols().close(this.#descriptor);
    this.#descriptor = -1;
  }
}

const CLOCK_MONOTONIC = 1;

/** Microseconds of CLOCK_MONOTONIC, which every process of this boot shares. */
export function monotonicMicroseconds(): bigint {
  const time = new BigInt64Array(2);
  symbols().clock_gettime(CLOCK_MONOTONIC, new Uint8Array(time.buffer));
  return time[0] * 1_000_000n + time[1] / 1000n;
}
