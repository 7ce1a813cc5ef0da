/**
 * Rows of events as columns of typed arrays, all over one piece of memory: a row costs no
 * allocation, and another thread can be given all of them at once.
 */

/** Bytes that each column has of a row, in the order in which they lie; the widest words first. */
const WIDTHS = [8, 8, 4, 4, 32, 4, 4, 4, 4, 4, 2, 1, 1, 1, 1, 1] as const;

const ROW_BYTES = WIDTHS.reduce((sum, width) => sum + width, 0);

/** Rows that were handed over: their memory, and how many there are. */
export interface PackedRows {
  readonly memory: ArrayBuffer;
  readonly count: number;
  readonly hits: number;
}

/** The columns, and how many rows of them are in use. */
export class EventColumns {
  /** Rows in use. */
  count = 0;
  /** Packets in the rows now held. */
  hits = 0;

  readonly rowHits: Float64Array;
  /** Of the row's first event: bytes on the wire, TCP flags (-1: none), hash (low, high word). */
  readonly wireLength: Uint32Array;
  readonly tcpFlags: Int16Array;
  readonly hash: Int32Array;
  /** The same hashes as whole numbers, which the database takes; every supported CPU is little-endian. */
  readonly hash64: BigInt64Array;
  /** Time of the row's first event. */
  readonly seconds: Uint32Array;
  readonly microseconds: Uint32Array;
  /** 4, 6, or 0 for a packet without readable addresses. */
  readonly family: Uint8Array;
  /** Eight signed words a row: source, then destination. */
  readonly addresses: Int32Array;
  /** -1 where the packet had none. */
  readonly sourcePort: Int32Array;
  readonly destinationPort: Int32Array;
  readonly protocol: Uint8Array;
  /** Index into `REASONS`. */
  readonly reason: Uint8Array;
  /** Number in `EventDetails`. */
  readonly detail: Uint32Array;
  /** One of `Direction`. */
  readonly direction: Uint8Array;
  readonly interfaceIndex: Uint32Array;
  /** Bits of `Mixed`. */
  readonly mixed: Uint8Array;

  readonly #rows: number;
  readonly #memory: ArrayBuffer;

  /** @param memory of that many rows; new where there is none */
  constructor(rows: number, memory = new ArrayBuffer(rows * ROW_BYTES)) {
    this.#rows = rows;
    this.#memory = memory;
    let next = 0;
    const place = (bytes: number) => {
      const start = next;
      next += rows * bytes;
      return start;
    };
    this.rowHits = new Float64Array(memory, place(8), rows);
    this.hash64 = new BigInt64Array(memory, place(8), rows);
    this.hash = new Int32Array(memory, this.hash64.byteOffset, 2 * rows);
    this.seconds = new Uint32Array(memory, place(4), rows);
    this.microseconds = new Uint32Array(memory, place(4), rows);
    this.addresses = new Int32Array(memory, place(32), 8 * rows);
    this.sourcePort = new Int32Array(memory, place(4), rows);
    this.destinationPort = new Int32Array(memory, place(4), rows);
    this.detail = new Uint32Array(memory, place(4), rows);
    this.interfaceIndex = new Uint32Array(memory, place(4), rows);
    this.wireLength = new Uint32Array(memory, place(4), rows);
    this.tcpFlags = new Int16Array(memory, place(2), rows);
    this.family = new Uint8Array(memory, place(1), rows);
    this.protocol = new Uint8Array(memory, place(1), rows);
    this.reason = new Uint8Array(memory, place(1), rows);
    this.direction = new Uint8Array(memory, place(1), rows);
    this.mixed = new Uint8Array(memory, place(1), rows);
  }

  /** The rows that another thread handed over. */
  static unpack({ memory, count, hits }: PackedRows): EventColumns {
    const columns = new EventColumns(count, memory);
    columns.count = count;
    columns.hits = hits;
    return columns;
  }

  /** A copy of the rows in use that can be handed over to another thread. */
  pack(): PackedRows {
    const { count, hits } = this, rows = this.#rows;
    const from = new Uint8Array(this.#memory), to = new Uint8Array(count * ROW_BYTES);
    let before = 0;
    for (const width of WIDTHS) {
      const start = before * rows;
      to.set(from.subarray(start, start + width * count), before * count);
      before += width;
    }
    return { memory: to.buffer, count, hits };
  }

  /** Forgets all rows. */
  clear(): void {
    this.count = 0;
    this.hits = 0;
  }

  /** Time of a row's first event in milliseconds since 1970, UTC. */
  timeOf(row: number): number {
    return this.seconds[row] * 1000 + Math.floor(this.microseconds[row] / 1000);
  }
}
