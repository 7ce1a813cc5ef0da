/** libpcap's prototypes, as data, and finding the library. C types as in pcap(3PCAP). */
import { cString } from "./libc.ts";

const SYMBOLS = {
  /** `pcap_t *pcap_create(const char *source, char *errbuf)` */
  pcap_create: {
    parameters: ["buffer", /* const char* */ "buffer" /* char[256] */],
    result: "pointer", /* pcap_t* */
  },
  /** `int pcap_set_snaplen(pcap_t *p, int snaplen)` */
  pcap_set_snaplen: { parameters: ["pointer", "i32"], result: "i32" /* int */ },
  /** `int pcap_set_promisc(pcap_t *p, int promisc)` */
  pcap_set_promisc: { parameters: ["pointer", "i32"], result: "i32" /* int */ },
  /** `int pcap_set_timeout(pcap_t *p, int to_ms)` */
  pcap_set_timeout: { parameters: ["pointer", "i32"], result: "i32" /* int */ },
  /** `int pcap_set_buffer_size(pcap_t *p, int buffer_size)` */
  pcap_set_buffer_size: { parameters: ["pointer", "i32"], result: "i32" /* int */ },
  /** `int pcap_activate(pcap_t *p)` */
  pcap_activate: { parameters: ["pointer"], result: "i32" /* int */ },
  /** `int pcap_set_datalink(pcap_t *p, int dlt)` */
  pcap_set_datalink: { parameters: ["pointer", "i32"], result: "i32" /* int */ },
  /** `int pcap_setnonblock(pcap_t *p, int nonblock, char *errbuf)` */
  pcap_setnonblock: { parameters: ["pointer", "i32", "buffer"], result: "i32" /* int */ },
  /** `pcap_t *pcap_fopen_offline(FILE *fp, char *errbuf)`: pcap_close also closes the `FILE*` */
  pcap_fopen_offline: {
    parameters: ["pointer", /* FILE* */ "buffer" /* char[256] */],
    result: "pointer", /* pcap_t* */
  },
  /** `pcap_t *pcap_open_dead(int linktype, int snaplen)` */
  pcap_open_dead: { parameters: ["i32", "i32"], result: "pointer" /* pcap_t* */ },
  /** `int pcap_dispatch(pcap_t *p, int cnt, pcap_handler callback, u_char *user)` */
  pcap_dispatch: {
    parameters: ["pointer", "i32", "pointer", /* pcap_handler */ "pointer" /* u_char* */],
    result: "i32", /* int */
  },
  /** `pcap_dumper_t *pcap_dump_fopen(pcap_t *p, FILE *fp)` */
  pcap_dump_fopen: {
    parameters: ["pointer", /* pcap_t* */ "pointer" /* FILE* */],
    result: "pointer", /* pcap_dumper_t* */
  },
  /** `void pcap_dump_close(pcap_dumper_t *p)`: also closes the `FILE*` */
  pcap_dump_close: { parameters: ["pointer"], result: "void" },
  /** `int pcap_datalink(pcap_t *p)` */
  pcap_datalink: { parameters: ["pointer"], result: "i32" /* int */ },
  /** `int pcap_snapshot(pcap_t *p)` */
  pcap_snapshot: { parameters: ["pointer"], result: "i32" /* int */ },
  /** `int pcap_get_selectable_fd(pcap_t *p)` */
  pcap_get_selectable_fd: { parameters: ["pointer"], result: "i32" /* int */ },
  /** `int pcap_compile(pcap_t*, struct bpf_program*, const char*, int optimize, bpf_u_int32 netmask)` */
  pcap_compile: {
    parameters: ["pointer", "buffer", /* struct bpf_program* */ "buffer", "i32", "u32"],
    result: "i32", /* int */
  },
  /** `int pcap_setfilter(pcap_t *p, struct bpf_program *fp)` */
  pcap_setfilter: { parameters: ["pointer", "buffer"], result: "i32" /* int */ },
  /** `void pcap_freecode(struct bpf_program *fp)` */
  pcap_freecode: { parameters: ["buffer"], result: "void" },
  /** `int pcap_stats(pcap_t *p, struct pcap_stat *ps)` */
  pcap_stats: { parameters: ["pointer", "buffer" /* u_int[3] */], result: "i32" /* int */ },
  /** `int pcap_inject(pcap_t *p, const void *buf, size_t size)` */
  pcap_inject: { parameters: ["pointer", "buffer", "usize"], result: "i32" /* int */ },
  /** `char *pcap_geterr(pcap_t *p)` */
  pcap_geterr: { parameters: ["pointer"], result: "pointer" /* char* */ },
  /** `const char *pcap_statustostr(int error)` */
  pcap_statustostr: { parameters: ["i32"], result: "pointer" /* const char* */ },
  /** `const char *pcap_lib_version(void)` */
  pcap_lib_version: { parameters: [], result: "pointer" /* const char* */ },
  /** `void pcap_close(pcap_t *p)` */
  pcap_close: { parameters: ["pointer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libpcap's functions. */
export type PcapSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Sonames: Debian and Ubuntu, then everybody else, then a development link. */
export const PCAP_LIBRARY_NAMES = ["libpcap.so.0.8", "libpcap.so.1", "libpcap.so"] as const;

/** libpcap could not be loaded at all. */
export class PcapMissingError extends Error {
  override readonly name = "PcapMissingError";
}

interface Loaded {
  readonly symbols: PcapSymbols;
  /** `&pcap_dump`, which has the type of a `pcap_handler`. */
  readonly dump: Deno.PointerObject;
}

let loaded: Loaded | undefined;

/** Opens libpcap on first use; throws `PcapMissingError` where there is none. */
export function pcapLibrary(): Loaded {
  return loaded ??= load();
}

function load(): Loaded {
  let failure: unknown;
  for (const name of PCAP_LIBRARY_NAMES) {
    try {
      const { symbols } = Deno.dlopen(name, SYMBOLS);
      const dump = symbolAddress(name, "pcap_dump");
      if (dump === null) throw new PcapMissingError(`${name} has no pcap_dump`);
      return { symbols, dump };
    } catch (error) {
      failure ??= error;
    }
  }
  throw new PcapMissingError("libpcap is not installed", { cause: failure });
}

const RTLD_NOW = 2;

/** The address of a function, which `Deno.dlopen` does not give. */
function symbolAddress(libraryName: string, symbol: string): Deno.PointerValue {
  using linker = openLinker();
  const { dlopen, dlsym } = linker.symbols;
  return dlsym(dlopen(cString(libraryName), RTLD_NOW), cString(symbol));
}

const LINKER_SYMBOLS = {
  /** `void *dlopen(const char *filename, int flags)` */
  dlopen: { parameters: ["buffer", /* const char* */ "i32"], result: "pointer" /* void* */ },
  /** `void *dlsym(void *handle, const char *symbol)` */
  dlsym: { parameters: ["pointer", /* void* */ "buffer"], result: "pointer" /* void* */ },
} as const satisfies Deno.ForeignLibraryInterface;

/** dlopen stood in libdl before glibc 2.34 and stands in libc since, and in musl. */
function openLinker(): Deno.DynamicLibrary<typeof LINKER_SYMBOLS> & Disposable {
  for (const name of ["libc.so.6", "libdl.so.2"]) {
    try {
      return disposable(Deno.dlopen(name, LINKER_SYMBOLS));
    } catch { /* the next one */ }
  }
  return disposable(Deno.dlopen("libc.so", LINKER_SYMBOLS));
}

function disposable<T extends { close(): void }>(library: T): T & Disposable {
  return Object.assign(library, { [Symbol.dispose]: () => library.close() });
}

/** The text behind a `char*`. */
export function textAt(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}
