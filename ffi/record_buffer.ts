/**
 * The memory that libpcap fills with a whole batch of packets in one call.
 *
 * `pcap_dump` is itself a `pcap_handler`; handed a `FILE*` that `fmemopen` made over this buffer, it
 * writes each packet as a record of the savefile format (pcap-savefile(5)): 32-bit seconds,
 * microseconds, captured length, original length, in host byte order, then the bytes.
 */
import { cString, libc, prepareStream } from "./libc.ts";
import { pcapLibrary } from "./pcap_library.ts";

/** Bytes of a record before the packet. */
export const RECORD_HEADER = 16;

/** The savefile's own header, which opening the dumper writes and the first rewind overwrites. */
const FILE_HEADER = 24;

/** stdio's own buffer: large, so that a batch costs few copies into ours. */
const STDIO_BUFFER = 1 << 16;

/** A buffer and the dumper that writes to it. One serves any number of handles in turn. */
export class RecordBuffer implements Disposable {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** The `FILE*` as the `pcap_dumper_t*` that `pcap_dump` takes. */
  readonly dumper: Deno.PointerObject;
  #file: Deno.PointerValue;

  /** @param size bytes; must hold batch × (16 + snapshot length), see `batchFor` */
  constructor(size: number) {
    const { fmemopen } = libc();
    this.bytes = new Uint8Array(Math.max(size, FILE_HEADER + 1));
    this.view = new DataView(this.bytes.buffer);
    this.#file = fmemopen(this.bytes, BigInt(this.bytes.length), cString("w"));
    if (this.#file === null) throw new Error("fmemopen failed: out of memory");
    prepareStream(this.#file, STDIO_BUFFER);
    this.dumper = openDumper(this.#file);
    // Nothing may be left in stdio: exit(3) would write it into memory that is gone by then.
    this.finish();
  }

  /** How many packets of at most `snaplen` bytes surely fit: one that did not would be lost. */
  batchFor(snaplen: number): number {
    return Math.floor((this.bytes.length - 1) / (RECORD_HEADER + snaplen));
  }

  /** Starts a batch at the beginning of the buffer. */
  rewind(): void {
    libc().rewind(this.#file);
  }

  /** Ends a batch: the bytes written since `rewind`. */
  finish(): number {
    const { fflush, ftell } = libc();
    fflush(this.#file);
    return Number(ftell(this.#file));
  }

  [Symbol.dispose](): void {
    // Closes the FILE as well; the handle it was opened with is gone already and not needed.
    if (this.#file !== null) pcapLibrary().symbols.pcap_dump_close(this.dumper);
    this.#file = null;
  }
}

/**
 * The dumper is opened with a dead Ethernet handle, because `pcap_dump_fopen` refuses link types
 * without a savefile number, and the file header it writes is never read.
 */
function openDumper(file: Deno.PointerValue): Deno.PointerObject {
  const { symbols } = pcapLibrary();
  const dead = symbols.pcap_open_dead(1, 65535);
  const dumper = symbols.pcap_dump_fopen(dead, file);
  symbols.pcap_close(dead);
  if (dumper === null) throw new Error("pcap_dump_fopen failed");
  return dumper;
}
