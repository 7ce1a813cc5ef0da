/**
 * Verdicts on fragmented packets: only the first fragment says what the packet is, and the rest of
 * it shares its fate. (The kernel reassembles before it judges.) Direct mapped, so bounded.
 */
import type { ParsedPacket } from "../packet/packet.ts";
import type { Verdict } from "./verdict.ts";

const STRIDE = 12;
const CAPACITY = 1024;
const VERDICT = 10, SEEN = 11;
/** Seconds that a receiver may wait for the rest of a packet (net.ipv4.ipfrag_time). */
const TIMEOUT = 30;

/** What `verdict` gives when the first fragment was not seen. */
export const NO_VERDICT = -1;

/**
 * Remembers first fragments by addresses and identification, on IPv4 by protocol too: RFC 791 and
 * RFC 8200, section 4.5.
 */
export class FragmentTable {
  readonly #words = new Int32Array(CAPACITY * STRIDE);

  /** Keeps the verdict on a first fragment for the rest of its packet. */
  remember(packet: ParsedPacket, verdict: Verdict): void {
    const words = this.#words, at = this.#slotOf(packet);
    words[at] = packet.source0;
    words[at + 1] = packet.source1;
    words[at + 2] = packet.source2;
    words[at + 3] = packet.source3;
    words[at + 4] = packet.destination0;
    words[at + 5] = packet.destination1;
    words[at + 6] = packet.destination2;
    words[at + 7] = packet.destination3;
    words[at + 8] = packet.fragmentId;
    words[at + 9] = kindOf(packet);
    words[at + VERDICT] = verdict;
    words[at + SEEN] = packet.seconds;
  }

  /** The verdict on the first fragment of a later one's packet, or `NO_VERDICT`. */
  verdict(packet: ParsedPacket): number {
    const words = this.#words, at = this.#slotOf(packet);
    const isSame = words[at] === packet.source0 && words[at + 1] === packet.source1 &&
      words[at + 2] === packet.source2 && words[at + 3] === packet.source3 &&
      words[at + 4] === packet.destination0 && words[at + 5] === packet.destination1 &&
      words[at + 6] === packet.destination2 && words[at + 7] === packet.destination3 &&
      words[at + 8] === packet.fragmentId && words[at + 9] === kindOf(packet) &&
      packet.seconds - words[at + SEEN] <= TIMEOUT;
    return isSame ? words[at + VERDICT] : NO_VERDICT;
  }

  /** Forgets everything: another policy may judge otherwise. */
  clear(): void {
    this.#words.fill(0);
  }

  #slotOf(packet: ParsedPacket): number {
    let hash = Math.imul(packet.fragmentId ^ packet.source0, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ packet.source3 ^ packet.destination0, 0x85ebca6b);
    return ((hash ^ (hash >>> 13)) & (CAPACITY - 1)) * STRIDE;
  }
}

function kindOf({ family, protocol }: ParsedPacket): number {
  return family === 4 ? (4 << 8) | protocol : 6 << 8;
}
