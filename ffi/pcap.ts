/** An owned capture handle: a live device, an NFLOG group, or a file. */
import { closeOnExec, cString, libc, prepareStream } from "./libc.ts";
import { pcapLibrary, type PcapSymbols, textAt } from "./pcap_library.ts";
import { RECORD_HEADER, type RecordBuffer } from "./record_buffer.ts";
import { Savefile } from "./savefile.ts";

/** libpcap refused; `code` is its PCAP_ERROR number. */
export class PcapError extends Error {
  override readonly name = "PcapError";
  constructor(message: string, readonly code: number = -1) {
    super(message);
  }
}

/** libpcap's error numbers that callers tell apart (pcap/pcap.h). */
export const PcapErrorCode = {
  generic: -1,
  noSuchDevice: -5,
  permissionDenied: -8,
  interfaceNotUp: -9,
  promiscPermissionDenied: -11,
} as const;

/** How a live device is opened. */
export interface LiveOptions {
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  /** Bytes of the kernel's ring; 0: libpcap's default. */
  readonly ringBytes?: number;
  /** Longest time in ms that a packet waits in the ring's block. */
  readonly timeout?: number;
  /** A filter expression, pcap-filter(7). */
  readonly filter?: string;
  /** The link type to ask for, where the device offers several. */
  readonly linkType?: number;
}

/** The counters of pcap_stats(3PCAP). Since opening; they wrap at 2^32. */
export interface CaptureStats {
  readonly received: number;
  /** Dropped because the ring was full. */
  readonly droppedByRing: number;
  /** Dropped by the interface or its driver. */
  readonly droppedByInterface: number;
}

/** `Batch.packets` after an error: libpcap reports the error instead of the count. */
export const UNCOUNTED = -1;

/** Packets that libpcap reads from a file with one call: they stay in the processor's cache. */
export const FILE_BATCH = 128;

/** What one call of `read` brought. */
export interface Batch {
  /** Packets that libpcap counted, or `UNCOUNTED`; more than the records written means a loss. */
  packets: number;
  /** Bytes written to the buffer. */
  bytes: number;
  /** The end of a file was reached. */
  ended: boolean;
}

/** A `pcap_t`, closed exactly once. */
export class PcapHandle implements Disposable {
  readonly linkType: number;
  readonly snaplen: number;
  /** For poll(2); -1 for a file. */
  readonly descriptor: number;
  readonly #symbols: PcapSymbols;
  readonly #dump: Deno.PointerObject;
  #pointer: Deno.PointerValue;
  readonly #isFile: boolean;
  /** A file that needs libpcap only from where it is irregular, and libpcap's stream of it. */
  #savefile: Savefile | undefined;
  #stream: Deno.PointerValue = null;
  /** An error that came after packets; they are handed over first. */
  #failure: PcapError | undefined;

  private constructor(pointer: Deno.PointerValue, isFile: boolean) {
    const { symbols, dump } = pcapLibrary();
    this.#symbols = symbols;
    this.#dump = dump;
    this.#pointer = pointer;
    this.#isFile = isFile;
    this.linkType = symbols.pcap_datalink(pointer);
    this.snaplen = symbols.pcap_snapshot(pointer);
    this.descriptor = isFile ? -1 : symbols.pcap_get_selectable_fd(pointer);
  }

  /** Opens a device, `any`, or `nflog:GROUP`; reads never block. */
  static openLive(device: string, options: LiveOptions): PcapHandle {
    const { symbols } = pcapLibrary();
    const message = new Uint8Array(ERROR_BUFFER);
    const pointer = symbols.pcap_create(cString(device), message);
    if (pointer === null) throw new PcapError(messageText(message));
    try {
      configureLive(symbols, pointer, options);
      if (symbols.pcap_setnonblock(pointer, 1, message) < 0) {
        throw new PcapError(messageText(message));
      }
      if (options.filter) setFilter(symbols, pointer, options.filter);
      const handle = new PcapHandle(pointer, false);
      // libpcap does not: who inherited an NFLOG group would keep it from the next pfw.
      closeOnExec(handle.descriptor);
      return handle;
    } catch (error) {
      symbols.pcap_close(pointer);
      throw error;
    }
  }

  /** Opens a capture file in any form that libpcap reads; `-` is standard input. */
  static openFile(path: string, filter?: string): PcapHandle {
    const { symbols } = pcapLibrary();
    const message = new Uint8Array(ERROR_BUFFER);
    const file = openStream(path);
    const pointer = symbols.pcap_fopen_offline(file, message);
    if (pointer === null) {
      libc().fclose(file);
      throw new PcapError(messageText(message));
    }
    try {
      if (filter) setFilter(symbols, pointer, filter);
      const handle = new PcapHandle(pointer, true);
      if (filter || path === "-") return handle;
      handle.#savefile = Savefile.open(path, handle.snaplen);
      handle.#stream = file;
      return handle;
    } catch (error) {
      symbols.pcap_close(pointer);
      throw error;
    }
  }

  /**
   * Moves up to `limit` packets into the buffer and describes them in `batch`. Of a file it moves
   * no more than surely fit.
   *
   * On an error in the middle of a file the packets before it are in the buffer all the same; the
   * error is thrown by the next call.
   */
  read(buffer: RecordBuffer, limit: number, batch: Batch): void {
    if (this.#failure) throw this.#failure;
    if (this.#savefile && this.#readSavefile(this.#savefile, buffer, limit, batch)) return;
    if (this.#isFile) {
      limit = Math.max(1, Math.min(limit, FILE_BATCH, buffer.batchFor(this.snaplen)));
    }
    buffer.rewind();
    const count = this.#symbols.pcap_dispatch(this.#pointer, limit, this.#dump, buffer.dumper);
    batch.bytes = buffer.finish();
    batch.packets = count < 0 ? 0 : count;
    batch.ended = this.#isFile && count === 0;
    if (count >= 0) return;
    const message = textAt(this.#symbols.pcap_geterr(this.#pointer));
    if (!this.#isFile && NOTHING_WAITS.test(message)) {
      batch.packets = batch.bytes > 0 ? UNCOUNTED : 0;
      return;
    }
    this.#failure = new PcapError(message, count);
    if (batch.bytes < RECORD_HEADER) throw this.#failure;
    batch.packets = UNCOUNTED;
  }

  /** Returns false where libpcap has to read on. */
  #readSavefile(savefile: Savefile, buffer: RecordBuffer, limit: number, batch: Batch): boolean {
    batch.bytes = savefile.read(buffer, limit);
    batch.packets = savefile.records;
    batch.ended = false;
    if (batch.packets > 0) return true;
    libc().fseek(this.#stream, BigInt(savefile.position), SEEK_SET);
    savefile[Symbol.dispose]();
    this.#savefile = undefined;
    return false;
  }

  /** Counters since opening; all zero for a file, which has none. */
  stats(): CaptureStats {
    const counters = new Uint32Array(3);
    if (
      this.#isFile ||
      this.#symbols.pcap_stats(this.#pointer, new Uint8Array(counters.buffer)) < 0
    ) {
      return { received: 0, droppedByRing: 0, droppedByInterface: 0 };
    }
    return { received: counters[0], droppedByRing: counters[1], droppedByInterface: counters[2] };
  }

  /** Sends one frame as it is. */
  inject(frame: Uint8Array<ArrayBuffer>): void {
    const sent = this.#symbols.pcap_inject(this.#pointer, frame, BigInt(frame.length));
    if (sent < 0) throw new PcapError(textAt(this.#symbols.pcap_geterr(this.#pointer)), sent);
  }

  [Symbol.dispose](): void {
    if (this.#pointer !== null) this.#symbols.pcap_close(this.#pointer);
    this.#pointer = null;
    this.#savefile?.[Symbol.dispose]();
    this.#savefile = undefined;
  }
}

/** The version line of the libpcap in use. */
export function pcapVersion(): string {
  return textAt(pcapLibrary().symbols.pcap_lib_version());
}

/** libpcap's NFLOG reader calls an empty non-blocking socket (EAGAIN) an error. */
const NOTHING_WAITS = /Resource temporarily unavailable|No buffer space available/;

/** Bytes read from a file at once. */
const FILE_BUFFER = 1 << 17;
const STANDARD_INPUT = 0;
const SEEK_SET = 0;

function openStream(path: string): Deno.PointerValue {
  // For the error's sake: libc's own reaches us only as a number that FFI may have overwritten.
  if (path !== "-") Deno.openSync(path).close();
  const mode = cString("rb");
  const file = path === "-"
    ? libc().fdopen(STANDARD_INPUT, mode)
    : libc().fopen(cString(path), mode);
  if (file === null) throw new PcapError(`cannot open ${path}`);
  prepareStream(file, FILE_BUFFER);
  return file;
}

/** PCAP_ERRBUF_SIZE */
const ERROR_BUFFER = 256;

function messageText(buffer: Uint8Array): string {
  const end = buffer.indexOf(0);
  return new TextDecoder().decode(buffer.subarray(0, end < 0 ? buffer.length : end));
}

function configureLive(
  symbols: PcapSymbols,
  pointer: Deno.PointerValue,
  options: LiveOptions,
): void {
  symbols.pcap_set_snaplen(pointer, options.snaplen);
  symbols.pcap_set_promisc(pointer, 0);
  symbols.pcap_set_timeout(pointer, options.timeout ?? 10);
  if (options.ringBytes) symbols.pcap_set_buffer_size(pointer, options.ringBytes);
  const status = symbols.pcap_activate(pointer);
  if (status < 0) {
    const detail = textAt(symbols.pcap_geterr(pointer));
    const generic = textAt(symbols.pcap_statustostr(status));
    throw new PcapError(detail || generic, status);
  }
  if (options.linkType !== undefined) {
    // A device that does not offer this type keeps its own: the decoder knows both.
    symbols.pcap_set_datalink(pointer, options.linkType);
  }
}

/** `struct bpf_program`: an unsigned int, padding, a pointer. */
const BPF_PROGRAM = 16;
const NETMASK_UNKNOWN = 0xffffffff;

function setFilter(symbols: PcapSymbols, pointer: Deno.PointerValue, expression: string): void {
  const program = new Uint8Array(BPF_PROGRAM);
  if (symbols.pcap_compile(pointer, program, cString(expression), 1, NETMASK_UNKNOWN) < 0) {
    throw new PcapError(`filter: ${textAt(symbols.pcap_geterr(pointer))}`);
  }
  try {
    if (symbols.pcap_setfilter(pointer, program) < 0) {
      throw new PcapError(`filter: ${textAt(symbols.pcap_geterr(pointer))}`);
    }
  } finally {
    symbols.pcap_freecode(program);
  }
}
