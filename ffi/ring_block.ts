/**
 * Packets as they lie in the memory of the kernel's ring (TPACKET_V3, linux/if_packet.h): one block
 * after another, which belongs to the kernel until it is full or its time is over, then to us until
 * we give it back. Nothing is copied.
 *
 * The offsets in it are the kernel's, and yet none is believed: outside of its block nothing is read.
 */

/** Words (32 bits) of struct tpacket_block_desc. */
const STATUS = 2, PACKETS = 3, FIRST = 4;
const TP_STATUS_KERNEL = 0, TP_STATUS_USER = 1;
/** Bytes of the block's own header. */
const BLOCK_HEADER = 48;

/** Words of struct tpacket3_hdr. */
const NEXT = 0, SECONDS = 1, NANOSECONDS = 2, CAPTURED = 3, LENGTH = 4, FLAGS = 5, OFFSETS = 6;
const TP_STATUS_VLAN_VALID = 1 << 4;
/** Words of the struct sockaddr_ll behind it. */
const ADDRESS = 12, INTERFACE = ADDRESS + 1, TYPE = ADDRESS + 2;
/** Bytes of both. */
const PACKET_HEADER = 48 + 20;

const PACKET_OUTGOING = 4;
/** What libpcap would put before the network layer: a VLAN tag again, or its cooked header (v2). */
const VLAN_TAG = 4;
export const COOKED_HEADER = 20;

/** What the packets of a ring are. */
export interface RingContents {
  readonly blockBytes: number;
  /** Packets begin with the network layer. */
  readonly isCooked: boolean;
  /** Index of the loopback device, which shows every packet as it leaves and as it arrives. */
  readonly loopback: number;
}

/** The memory of a ring, read block by block. */
export class RingBlocks {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly #words: Int32Array;
  readonly #blockBytes: number;
  readonly #blocks: number;
  readonly #loopback: number;
  readonly isCooked: boolean;
  /** Number of the block that is read, or would be next. */
  #block = 0;
  /** Where the next packet's header is, and how many packets the block has left. */
  #at = 0;
  #left = 0;
  #end = 0;

  /** Packets in the present block, as the kernel counted them. */
  packets = 0;
  /** Of the packet that `next` found: its bytes in `view`. */
  packetStart = 0;
  packetEnd = 0;
  seconds = 0;
  microseconds = 0;
  /** Bytes on the wire; `wireLength` and the captured bytes both lack those of `addedLength`. */
  wireLength = 0;
  /** Bytes of the link layer that are told and not there. */
  addedLength = 0;
  interfaceIndex = 0;
  /** EtherType, and PACKET_HOST to PACKET_OUTGOING of packet(7). */
  protocol = 0;
  packetType = 0;

  constructor(memory: ArrayBuffer, { blockBytes, isCooked, loopback }: RingContents) {
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
    this.#words = new Int32Array(memory);
    this.#blockBytes = blockBytes;
    this.#blocks = Math.floor(memory.byteLength / blockBytes);
    this.isCooked = isCooked;
    this.#loopback = loopback;
  }

  /** Begins the next block, if the kernel has given it up. */
  open(): boolean {
    const words = this.#words, start = this.#block * this.#blockBytes, header = start >> 2;
    // Atomic, so that nothing of the block is read before.
    if ((Atomics.load(words, header + STATUS) & TP_STATUS_USER) === 0) return false;
    this.packets = this.#left = words[header + PACKETS];
    this.#end = start + this.#blockBytes;
    const first = words[header + FIRST];
    this.#at = start + first;
    if (first < BLOCK_HEADER || first > this.#blockBytes || (first & 7) !== 0) this.#left = 0;
    return true;
  }

  /** Goes to the block's next packet. @returns false where it has none, or is not to be believed */
  next(): boolean {
    const words = this.#words;
    while (this.#left > 0) {
      const at = this.#at, header = at >> 2, room = this.#end - at;
      if (room < PACKET_HEADER) return false;
      const start = words[header + OFFSETS] & 0xffff, captured = words[header + CAPTURED];
      if (captured < 0 || start > room || captured > room - start) return false;
      this.#step(words[header + NEXT], room);
      const type = (words[header + TYPE] >>> 16) & 255;
      const index = words[header + INTERFACE];
      if (type === PACKET_OUTGOING && index === this.#loopback) {
        this.packets--;
        continue;
      }
      this.packetStart = at + start;
      this.packetEnd = at + start + captured;
      this.seconds = words[header + SECONDS] >>> 0;
      this.microseconds = (words[header + NANOSECONDS] / 1000) | 0;
      this.wireLength = words[header + LENGTH] >>> 0;
      this.addedLength = this.isCooked
        ? COOKED_HEADER
        : (words[header + FLAGS] & TP_STATUS_VLAN_VALID) !== 0
        ? VLAN_TAG
        : 0;
      this.interfaceIndex = index;
      this.protocol = bigEndian16(words[header + ADDRESS] >>> 16);
      this.packetType = type;
      return true;
    }
    return false;
  }

  /** The last packet of a block may lead nowhere. */
  #step(next: number, room: number): void {
    this.#left--;
    if (next < PACKET_HEADER || next > room || (next & 7) !== 0) this.#left = 0;
    this.#at += next;
  }

  /** Gives the block back to the kernel. */
  release(): void {
    Atomics.store(this.#words, (this.#block * this.#blockBytes >> 2) + STATUS, TP_STATUS_KERNEL);
    this.#block = this.#block + 1 === this.#blocks ? 0 : this.#block + 1;
    this.#left = 0;
  }
}

function bigEndian16(word: number): number {
  return ((word & 255) << 8) | (word >>> 8);
}
