/**
 * Which of this machine's addresses the kernel would speak from: a datagram socket that is connected
 * asks its routing tables, rules included, and sends nothing.
 */

const SYMBOLS = {
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" /* int */ },
  /** `int connect(int fd, const struct sockaddr *address, socklen_t length)` */
  connect: { parameters: ["i32", "buffer", "u32" /* socklen_t */], result: "i32" /* int */ },
  /** `int getsockname(int fd, struct sockaddr *address, socklen_t *length)` */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" /* int */ },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_INET = 2, AF_INET6 = 10, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000;
/** Any will do, since nothing is sent. */
const PORT = 53;
/** Of `struct sockaddr_in` and `sockaddr_in6`, ip(7) and ipv6(7): bytes, where the address is, its words. */
const FORMS = { 4: [16, 4, 1], 6: [28, 8, 4] } as const;

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

/**
 * The address that this machine would speak from to another one.
 *
 * @param words the other one's: one signed 32-bit word of IPv4, four of IPv6, in network order
 * @returns as many; `undefined` where no route leads there, or none without a device's name
 */
export function sourceTowards(family: 4 | 6, words: readonly number[]): number[] | undefined {
  const [size, at, count] = FORMS[family];
  const bytes = new Uint8Array(size), view = new DataView(bytes.buffer);
  const domain = family === 4 ? AF_INET : AF_INET6;
  view.setUint16(0, domain, true);
  view.setUint16(2, PORT);
  for (let word = 0; word < count; word++) view.setInt32(at + 4 * word, words[word]);
  library ??= Deno.dlopen("libc.so.6", SYMBOLS);
  const { symbols } = library;
  const descriptor = symbols.socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return undefined;
  try {
    if (symbols.connect(descriptor, bytes, size) !== 0) return undefined;
    if (symbols.getsockname(descriptor, bytes, new Uint32Array([size])) !== 0) return undefined;
    return Array.from({ length: count }, (_, word) => view.getInt32(at + 4 * word));
  } finally {
    symbols.close(descriptor);
  }
}
