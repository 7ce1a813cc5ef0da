/**
 * Captures that need no libpcap to read: a savefile in this machine's byte order with microseconds
 * (pcap-savefile(5)) already holds records in the form that `pcap_dump` would make of them.
 *
 * libpcap opens and checks the file, and reads on from the first record that is not regular: cut
 * off, or longer than the file's header allows. What such a file means is its word alone.
 */
import { RECORD_HEADER, type RecordBuffer } from "./record_buffer.ts";

const FILE_HEADER = 24;
/** Microseconds, in the byte order of the machine that wrote it. */
const MAGIC = 0xa1b2c3d4;
/** Before version 2.4 the two lengths of a record could stand the other way round. */
const MAJOR = 2, MINOR = 4;
/** libpcap's limit for a packet, whatever the header of the file says (MAXIMUM_SNAPLEN). */
const LONGEST_PACKET = 262_144;

/** Bytes read at once: few enough to stay in the processor's cache until they are judged. */
const CHUNK = 1 << 17;
/** Bytes read for each packet that is asked for, when few are. */
const BYTES_EACH = 512;

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A savefile that is read as it stands. */
export class Savefile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #longest: number;
  /** What was read and not yet handed over; it begins with a record. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Where in the file that record begins. */
  position = FILE_HEADER;
  /** Records that the last `read` moved. */
  records = 0;

  private constructor(file: Deno.FsFile, snaplen: number) {
    this.#file = file;
    this.#longest = Math.min(snaplen, LONGEST_PACKET);
  }

  /**
   * Opens a file of that form; `undefined` for every other.
   *
   * @param snaplen bytes of the longest packet, as libpcap has it from the file's header
   */
  static open(path: string, snaplen: number): Savefile | undefined {
    const file = Deno.openSync(path);
    if (file.statSync().isFile && isPlain(file)) return new Savefile(file, snaplen);
    file.close();
    return undefined;
  }

  /**
   * Moves up to `limit` whole records to the beginning of the buffer.
   *
   * @returns the bytes they take; 0 when the next record is not regular or there is none
   */
  read(buffer: RecordBuffer, limit: number): number {
    const { bytes, view } = buffer;
    bytes.set(this.#rest);
    let filled = this.#fill(bytes, this.#rest.length, Math.min(CHUNK, limit * BYTES_EACH));
    let end = this.#wholeRecords(view, filled, limit);
    if (end === 0 && filled >= RECORD_HEADER) {
      // One record alone may be longer than a chunk.
      filled = this.#fill(bytes, filled, this.#lengthAt(view, 0));
      end = this.#wholeRecords(view, filled, limit);
    }
    this.#rest = bytes.slice(end, filled);
    this.position += end;
    return end;
  }

  /** Reads on behind the first `filled` bytes; returns how many there are then. */
  #fill(bytes: Uint8Array, filled: number, wanted: number): number {
    wanted = Math.min(wanted, bytes.length);
    try {
      while (filled < wanted) {
        const count = this.#file.readSync(bytes.subarray(filled, wanted));
        if (count === null) break;
        filled += count;
      }
    } catch {
      // libpcap, which reads on from the last whole record, meets the same error and names it.
    }
    return filled;
  }

  /** Counts regular records; returns where the last of them ends. */
  #wholeRecords(view: DataView, filled: number, limit: number): number {
    let at = 0;
    this.records = 0;
    while (this.records < limit && at + RECORD_HEADER <= filled) {
      const length = this.#lengthAt(view, at);
      if (length === 0 || at + length > filled) break;
      at += length;
      this.records++;
    }
    return at;
  }

  /** Bytes of the record at `at`, its header included; 0 when it is not regular. */
  #lengthAt(view: DataView, at: number): number {
    const captured = view.getUint32(at + 8, true);
    return captured <= this.#longest ? RECORD_HEADER + captured : 0;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Reads the file's header. */
function isPlain(file: Deno.FsFile): boolean {
  const bytes = new Uint8Array(FILE_HEADER), view = new DataView(bytes.buffer);
  return IS_LITTLE_ENDIAN && file.readSync(bytes) === FILE_HEADER &&
    view.getUint32(0, true) === MAGIC && view.getUint16(4, true) === MAJOR &&
    view.getUint16(6, true) === MINOR;
}
