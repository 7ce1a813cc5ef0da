/**
 * The few calls of libc that capturing needs: a `FILE*` over memory, `poll`, socket options,
 * locks. Opened on first use, never at import.
 */
import { holding } from "./held.ts";

const SYMBOLS = {
  /** `FILE *fmemopen(void *buf, size_t size, const char *mode)` */
  fmemopen: {
    parameters: ["buffer", /* void* */ "usize", /* size_t */ "buffer" /* const char* */],
    result: "pointer", /* FILE* */
  },
  /** `int setvbuf(FILE *stream, char *buf, int mode, size_t size)` */
  setvbuf: {
    parameters: ["pointer", /* FILE* */ "pointer", /* char* */ "i32", /* int */ "usize"],
    result: "i32", /* int */
  },
  /** `FILE *fopen(const char *path, const char *mode)` */
  fopen: { parameters: ["buffer", /* const char* */ "buffer"], result: "pointer" /* FILE* */ },
  /** `FILE *fdopen(int fd, const char *mode)` */
  fdopen: { parameters: ["i32", "buffer" /* const char* */], result: "pointer" /* FILE* */ },
  /** `int __fsetlocking(FILE *stream, int type)` of stdio_ext.h */
  __fsetlocking: { parameters: ["pointer", /* FILE* */ "i32"], result: "i32" /* int */ },
  /** `void rewind(FILE *stream)` */
  rewind: { parameters: ["pointer" /* FILE* */], result: "void" },
  /** `int fflush(FILE *stream)` */
  fflush: { parameters: ["pointer" /* FILE* */], result: "i32" /* int */ },
  /** `long ftell(FILE *stream)` */
  ftell: { parameters: ["pointer" /* FILE* */], result: "i64" /* long */ },
  /** `int fseek(FILE *stream, long offset, int whence)` */
  fseek: { parameters: ["pointer", /* FILE* */ "i64", /* long */ "i32"], result: "i32" /* int */ },
  /** `int fclose(FILE *stream)` */
  fclose: { parameters: ["pointer" /* FILE* */], result: "i32" /* int */ },
  /** `int poll(struct pollfd *fds, nfds_t nfds, int timeout)` on a thread of its own */
  poll: {
    parameters: ["buffer", /* struct pollfd* */ "usize", /* nfds_t */ "i32" /* int, ms */],
    result: "i32", /* int */
    nonblocking: true,
  },
  /** `int setsockopt(int fd, int level, int name, const void *value, socklen_t length)` */
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", /* const void* */ "u32" /* socklen_t */],
    result: "i32", /* int */
  },
  /** `ssize_t send(int fd, const void *buf, size_t len, int flags)` */
  send: {
    parameters: ["i32", "buffer", /* const void* */ "usize", /* size_t */ "i32"],
    result: "isize", /* ssize_t */
  },
  /** `unsigned int if_nametoindex(const char *ifname)`; 0: no such interface */
  if_nametoindex: { parameters: ["buffer" /* const char* */], result: "u32" },
  /** `char *if_indextoname(unsigned int ifindex, char *ifname)`; null: no such interface */
  if_indextoname: {
    parameters: ["u32", "buffer" /* char[IF_NAMESIZE] */],
    result: "pointer", /* char* */
  },
  /** `int open(const char *path, int flags, mode_t mode)` */
  open: { parameters: ["buffer", /* const char* */ "i32", "u32" /* mode_t */], result: "i32" },
  /** `int flock(int fd, int operation)` */
  flock: { parameters: ["i32", "i32"], result: "i32" /* int */ },
  /** `int getpeername(int fd, struct sockaddr *addr, socklen_t *length)` */
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" /* int */ },
  /** `int shutdown(int fd, int how)` */
  shutdown: { parameters: ["i32", "i32"], result: "i32" /* int */ },
  /** `int fcntl(int fd, int command, int flags)` */
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" /* int */ },
  /** `int fdatasync(int fd)` on a thread of its own */
  fdatasync: { parameters: ["i32"], result: "i32", /* int */ nonblocking: true },
  /** `int setpriority(int which, id_t who, int prio)`; of one thread alone, on Linux */
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" /* int */ },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" /* int */ },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

let library: Libc | undefined;

/** libc's functions; the library stays open for the life of the process. */
export function libc(): Libc["symbols"] {
  library ??= openFirst(["libc.so.6", "libc.so"]);
  return library.symbols;
}

function openFirst(names: readonly string[]): Libc {
  let failure: unknown;
  for (const name of names) {
    try {
      return Deno.dlopen(name, SYMBOLS);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** FSETLOCKING_BYCALLER and _IOFBF of the C headers. */
const FSETLOCKING_BYCALLER = 2, IOFBF = 0;

/**
 * Prepares a `FILE*` that one thread alone uses for many small reads or writes: no lock for each
 * of them, and a buffer that makes system calls rare.
 *
 * @param bytes size of the buffer, which libc allocates
 */
export function prepareStream(file: Deno.PointerValue, bytes: number): void {
  libc().__fsetlocking(file, FSETLOCKING_BYCALLER);
  libc().setvbuf(file, null, IOFBF, BigInt(bytes));
}

/** A C string: UTF-8 with a final zero byte. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

/** PRIO_PROCESS of <sys/resource.h>. */
const PRIO_PROCESS = 0;

/** Has this thread give way to others that want the processor. @param nice 0 to 19 */
export function giveWay(nice: number): void {
  libc().setpriority(PRIO_PROCESS, 0, nice);
}

/** F_SETFD and FD_CLOEXEC of <fcntl.h>. */
const F_SETFD = 2, FD_CLOEXEC = 1;

/** Keeps a descriptor from the programs that this process starts: they may outlive it. */
export function closeOnExec(descriptor: number): void {
  if (libc().fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0) {
    throw new Error(`cannot keep descriptor ${descriptor} from other programs`);
  }
}

/** What `poll` waits for on each descriptor. */
const POLLIN = 1;

/**
 * Waits until one of the descriptors is readable, without blocking the event loop.
 *
 * @param descriptors file descriptors; negative ones are passed over by the kernel
 * @param milliseconds longest wait
 */
export async function pollReadable(
  descriptors: readonly number[],
  milliseconds: number,
): Promise<void> {
  const entries = new DataView(new ArrayBuffer(8 * Math.max(1, descriptors.length)));
  descriptors.forEach((descriptor, at) => {
    entries.setInt32(8 * at, descriptor, true);
    entries.setInt16(8 * at + 4, POLLIN, true);
  });
  const bytes = new Uint8Array(entries.buffer), wait = Math.max(0, Math.ceil(milliseconds));
  await holding(bytes, libc().poll(bytes, BigInt(descriptors.length), wait));
}

const SOL_SOCKET = 1, SO_RCVBUF = 8, SO_RCVBUFFORCE = 33;

/**
 * Sets a socket's receive buffer, past `rmem_max` where the process may (CAP_NET_ADMIN).
 *
 * @param bytes the kernel doubles this for its own bookkeeping
 */
export function setReceiveBuffer(descriptor: number, bytes: number): void {
  const value = new Uint8Array(Int32Array.of(bytes).buffer);
  if (libc().setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, value, 4) !== 0) {
    libc().setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, value, 4);
  }
}

/** IF_NAMESIZE of net/if.h. */
const INTERFACE_NAME_SIZE = 16;

/** The index of an interface, or 0 where there is none of that name. */
export function interfaceIndex(name: string): number {
  return libc().if_nametoindex(cString(name));
}

/** The name of an interface, or an empty text where there is none of that index. */
export function interfaceName(index: number): string {
  const name = new Uint8Array(INTERFACE_NAME_SIZE);
  if (libc().if_indextoname(index, name) === null) return "";
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}

/** Sends bytes on a socket; returns whether all of them went. */
export function sendBytes(descriptor: number, bytes: Uint8Array<ArrayBuffer>): boolean {
  return Number(libc().send(descriptor, bytes, BigInt(bytes.length), 0)) === bytes.length;
}

const O_RDONLY = 0, O_RDWR = 2, O_CREAT = 0o100, O_CLOEXEC = 0o2000000, O_NOFOLLOW = 0o400000;
const LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4;

/** An exclusive lock on a file, held until disposed or until the process ends. */
export class FileLock implements Disposable {
  private constructor(private descriptor: number) {}

  /** Takes the lock, or returns `undefined` at once when another process holds it. */
  static tryAcquire(path: string): FileLock | undefined {
    const flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    const descriptor = libc().open(cString(path), flags, 0o600);
    if (descriptor < 0) throw new Error(`cannot open the lock file ${path}`);
    if (libc().flock(descriptor, LOCK_EX | LOCK_NB) === 0) return new FileLock(descriptor);
    libc().close(descriptor);
    return undefined;
  }

  /**
   * Whether another holds the lock now. Asks by a shared one, which is let go at once: others who
   * ask meanwhile are not in its way, but for that moment nobody can take the lock.
   */
  static isHeld(path: string): boolean {
    const descriptor = libc().open(cString(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (descriptor < 0) throw new Error(`cannot open the lock file ${path}`);
    const isFree = libc().flock(descriptor, LOCK_SH | LOCK_NB) === 0;
    libc().close(descriptor);
    return !isFree;
  }

  [Symbol.dispose](): void {
    if (this.descriptor >= 0) libc().close(this.descriptor);
    this.descriptor = -1;
  }
}
