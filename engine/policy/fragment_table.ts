/**
 * Ports of fragmented packets: only the first fragment carries them, and the rest of the packet
 * shares its verdict. (The kernel reassembles before it judges.) Direct mapped, so bounded.
 */
import type { ParsedPacket } from "../packet/packet.ts";

const STRIDE = 12;
const CAPACITY = 1024;
/** Seconds that a receiver may wait for the rest of a packet (net.ipv4.ipfrag_time). */
const TIMEOUT = 30;

/** Remembers first fragments by addresses, identification and protocol. */
export class FragmentTable {
  readonly #words = new Int32Array(CAPACITY * STRIDE);

  /** The packet's ports as `source << 16 | destination`, its first fragment's where it has none. */
  ports(packet: ParsedPacket): number {
    const isFragment = packet.moreFragments || packet.fragmentOffset > 0;
    const own = packet.hasPorts ? (packet.sourcePort << 16) | packet.destinationPort : 0;
    if (!isFragment) return own;
    const at = this.#slotOf(packet), words = this.#words;
    if (packet.fragmentOffset === 0) {
      if (packet.hasPorts) this.#remember(packet, at, own);
      return own;
    }
    return this.#holds(packet, at) ? words[at + 10] : 0;
  }

  #slotOf(packet: ParsedPacket): number {
    let hash = Math.imul(packet.fragmentId ^ packet.source0, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ packet.source3 ^ packet.destination0, 0x85ebca6b);
    return ((hash ^ (hash >>> 13)) & (CAPACITY - 1)) * STRIDE;
  }

  #remember(packet: ParsedPacket, at: number, ports: number): void {
    const words = this.#words;
    words[at] = packet.source0;
    words[at + 1] = packet.source1;
    words[at + 2] = packet.source2;
    words[at + 3] = packet.source3;
    words[at + 4] = packet.destination0;
    words[at + 5] = packet.destination1;
    words[at + 6] = packet.destination2;
    words[at + 7] = packet.destination3;
    words[at + 8] = packet.fragmentId;
    words[at + 9] = packet.protocol;
    words[at + 10] = ports;
    words[at + 11] = packet.seconds;
  }

  #holds(packet: ParsedPacket, at: number): boolean {
    const words = this.#words;
    return words[at] === packet.source0 && words[at + 1] === packet.source1 &&
      words[at + 2] === packet.source2 && words[at + 3] === packet.source3 &&
      words[at + 4] === packet.destination0 && words[at + 5] === packet.destination1 &&
      words[at + 6] === packet.destination2 && words[at + 7] === packet.destination3 &&
      words[at + 8] === packet.fragmentId && words[at + 9] === packet.protocol &&
      packet.seconds - words[at + 11] <= TIMEOUT;
  }
}
