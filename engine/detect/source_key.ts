/**
 * Whom a packet is laid to: its IPv4 address, the /64 of its IPv6 address, for within one everybody
 * may choose addresses at will, or its whole link-local address, for all of a link share one /64.
 */
import type { Prefix } from "../net/address.ts";
import type { ParsedPacket } from "../packet/packet.ts";

const V4 = 1 << 16, V6 = 2 << 16, LINK_LOCAL = 3 << 16;

/** One object, filled again for every packet. */
export class SourceKey {
  word0 = 0;
  word1 = 0;
  /** What kind of source, and the port where a detector counts each apart; never 0. */
  kind = 0;

  /** @param port 0 to 65,535 */
  fill(packet: ParsedPacket, port: number): void {
    if (packet.family === 4) {
      this.word0 = packet.source0;
      this.word1 = 0;
      this.kind = V4 | port;
    } else if (isLinkLocal(packet)) {
      this.word0 = packet.source2;
      this.word1 = packet.source3;
      this.kind = LINK_LOCAL | port;
    } else {
      this.word0 = packet.source0;
      this.word1 = packet.source1;
      this.kind = V6 | port;
    }
  }
}

/** The source as a prefix. */
export function sourceOf(packet: ParsedPacket): Prefix {
  const { source0, source1, source2, source3 } = packet;
  if (packet.family === 4) return { family: 4, words: [source0, 0, 0, 0], length: 32 };
  if (isLinkLocal(packet)) {
    return { family: 6, words: [source0, source1, source2, source3], length: 128 };
  }
  return { family: 6, words: [source0, source1, 0, 0], length: 64 };
}

/** fe80::/10 (RFC 4291, section 2.5.6). */
function isLinkLocal({ source0 }: ParsedPacket): boolean {
  return source0 >>> 22 === 0xfe80 >>> 6;
}
