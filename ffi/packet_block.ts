/**
 * Packets one after another in memory that the kernel filled, each behind a header of the form that
 * packet sockets use (struct tpacket3_hdr and struct sockaddr_ll, linux/if_packet.h). Nothing is copied.
 *
 * The offsets in it are the kernel's, and yet none is believed: outside of the block nothing is read.
 */

/** Words (32 bits) of struct tpacket3_hdr. */
export const NEXT = 0, SECONDS = 1, NANOSECONDS = 2, CAPTURED = 3, LENGTH = 4, FLAGS = 5;
export const OFFSETS = 6;
/** A VLAN tag was in the frame and is told beside it (TP_STATUS_VLAN_VALID), as a bit's number. */
export const TAG_BIT = 4;
/** Words of the struct sockaddr_ll behind it; each of these begins or ends with what it is named by. */
export const ADDRESS = 12, INTERFACE = ADDRESS + 1, TYPE = ADDRESS + 2;
/** Bytes of both. */
export const PACKET_HEADER = 48 + 20;

/** Type of a packet that this machine sends (packet(7)). */
export const PACKET_OUTGOING = 4;
/** What libpcap would put before the network layer: a VLAN tag again, or its cooked header (v2). */
const VLAN_TAG = 4;
export const COOKED_HEADER = 20;

/** What the packets are. */
export interface BlockContents {
  /** Packets begin with the network layer. */
  readonly isCooked: boolean;
  /** Index of the loopback device, which shows every packet as it leaves and as it arrives. */
  readonly loopback: number;
}

/** A block of packets, begun anew for each one. */
export class PacketBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly isCooked: boolean;
  readonly #words: Int32Array;
  readonly #loopback: number;
  /** Where the next packet's header is, how many packets are left, and where the block ends. */
  #at = 0;
  #left = 0;
  #end = 0;

  /** Packets in the block, as the kernel counted them. */
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

  constructor(memory: ArrayBuffer, { isCooked, loopback }: BlockContents) {
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
    this.#words = new Int32Array(memory);
    this.isCooked = isCooked;
    this.#loopback = loopback;
  }

  /**
   * @param at where the first packet's header is, a multiple of 8
   * @param end behind what belongs to the block, within the memory
   */
  begin(at: number, end: number, packets: number): void {
    this.#at = at;
    this.#end = end;
    this.packets = this.#left = packets;
  }

  /** Nothing of the block is read from now on. */
  end(): void {
    this.#left = 0;
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
        : (words[header + FLAGS] & 1 << TAG_BIT) !== 0
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
}

function bigEndian16(word: number): number {
  return ((word & 255) << 8) | (word >>> 8);
}
