/** Incoming, outgoing, forwarded or local: from the link layer where it says so, else by address. */
import type { LocalAddresses } from "../net/local_addresses.ts";
import { DecodeResult, Direction, type ParsedPacket } from "./packet.ts";

/**
 * Completes `packet.direction`. A cooked capture says whether a packet arrived or left, but of a
 * packet that passes through it says both in turn, so the addresses have a say there too.
 */
export function setDirection(packet: ParsedPacket, own: LocalAddresses): void {
  if (packet.result !== DecodeResult.ok) return;
  const isFromUs = packet.family === 4
    ? own.hasV4(packet.source0)
    : own.hasV6(packet.source0, packet.source1, packet.source2, packet.source3);
  const isToUs = packet.family === 4 ? own.hasV4(packet.destination0) : own.hasV6(
    packet.destination0,
    packet.destination1,
    packet.destination2,
    packet.destination3,
  );
  if (isFromUs && isToUs) packet.direction = Direction.local;
  else if (isFromUs) packet.direction = Direction.outgoing;
  else if (isToUs || packet.isToMany || isMulticast(packet)) packet.direction = Direction.incoming;
  else if (own.size > 0 && hasEndpoints(packet)) packet.direction = Direction.forwarded;
}

/** Multicast and the limited broadcast are not forwarded as packets of a connection. */
function isMulticast(packet: ParsedPacket): boolean {
  if (packet.family === 6) return packet.destination0 >>> 24 === 0xff;
  return packet.destination0 >>> 28 === 0xe || packet.destination0 === -1;
}

/** An unspecified source is a machine that asks for its address (DHCP, duplicate detection). */
function hasEndpoints(packet: ParsedPacket): boolean {
  return packet.source0 !== 0 || packet.source1 !== 0 || packet.source2 !== 0 ||
    packet.source3 !== 0;
}
