/** Raw IP sockets, and entering the network namespace that a socket shall be opened in. */
import { SENT_MARK } from "./lab_protocol.ts";

const SYMBOLS = {
  /** `int open(const char *path, int flags, mode_t mode)` */
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `int setns(int fd, int nstype)`; of the calling thread alone */
  setns: { parameters: ["i32", "i32"], result: "i32" },
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `int setsockopt(int fd, int level, int name, const void *value, socklen_t length)` */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** `ssize_t sendto(int fd, const void *, size_t, int flags, const struct sockaddr *, socklen_t)` */
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let opened: Libc | undefined;

/** libc, opened on first use. */
function libc(): Libc {
  return opened ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

const CLONE_NEWNET = 0x40000000;
const AF_INET = 2, AF_INET6 = 10, SOCK_RAW = 3, IPPROTO_RAW = 255;
const SOL_SOCKET = 1, SO_MARK = 36;

/** Makes this thread's next sockets belong to the namespace `ip netns` calls so. */
export function enterNamespace(name: string): void {
  const path = new TextEncoder().encode(`/var/run/netns/${name}\0`);
  const descriptor = libc().open(path, 0, 0);
  if (descriptor < 0 || libc().setns(descriptor, CLONE_NEWNET) !== 0) {
    throw new Error(`cannot enter the namespace ${name}`);
  }
  libc().close(descriptor);
}

/** Sends IP packets as they are, through the machine's own way out; each is marked. */
export class RawSockets {
  readonly #v4 = open(AF_INET);
  readonly #v6 = open(AF_INET6);

  /** An error says nothing: sendto(2) gives one too for what a firewall drops on its way out. */
  send(packet: Uint8Array<ArrayBuffer>): void {
    const isV4 = packet[0] >> 4 === 4;
    const to = isV4 ? socketAddress4(packet) : socketAddress6(packet);
    const descriptor = isV4 ? this.#v4 : this.#v6;
    libc().sendto(descriptor, packet, BigInt(packet.length), 0, to, to.length);
  }
}

function open(family: number): number {
  // IPPROTO_RAW: the header is ours (raw(7)).
  const descriptor = libc().socket(family, SOCK_RAW, IPPROTO_RAW);
  const mark = new Uint8Array(Int32Array.of(SENT_MARK).buffer);
  if (descriptor < 0 || libc().setsockopt(descriptor, SOL_SOCKET, SO_MARK, mark, 4) !== 0) {
    throw new Error("cannot open a raw socket");
  }
  return descriptor;
}

/** `struct sockaddr_in` */
function socketAddress4(packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  address[0] = AF_INET;
  address.set(packet.subarray(16, 20), 4);
  return address;
}

/** `struct sockaddr_in6` */
function socketAddress6(packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(28);
  address[0] = AF_INET6;
  address.set(packet.subarray(24, 40), 8);
  return address;
}
