/** What a packet from outside may be to a detector: something tried, or only a late answer. */
import { Direction, type ParsedPacket, Protocol, TcpFlag } from "../packet/packet.ts";

const { fin: FIN, syn: SYN, rst: RST, ack: ACK } = TcpFlag;

/** The first port that only programs without privileges offer (RFC 6335, section 6). */
const FIRST_UNPRIVILEGED = 1024;
/** The first port that Linux gives to those that ask for any (net.ipv4.ip_local_port_range). */
const FIRST_EPHEMERAL = 32_768;
/** From here on programs that talk to others take ports of their own, RTP for one. */
export const FIRST_OWN = 16_384;
/** Ports that traceroute sends to, one after another (IANA, "traceroute"). */
const TRACEROUTE_FIRST = 33_434, TRACEROUTE_LAST = 33_534;

/**
 * Whether somebody sent the packet to this machine alone. What goes to many says nothing of its
 * sender: neighbours announce and look for things all day.
 */
export function isToUsAlone(packet: ParsedPacket): boolean {
  if (packet.direction !== Direction.incoming || packet.isToMany) return false;
  const first = packet.destination0 >>> 24;
  if (packet.family === 6) return first !== 0xff;
  return first >>> 4 !== 0xe && packet.destination0 !== -1;
}

/** Whether the packet asks for a TCP connection. */
export function isTcpOpening({ hasTcpFlags, tcpFlags }: ParsedPacket): boolean {
  return hasTcpFlags && (tcpFlags & (SYN | ACK | RST | FIN)) === SYN;
}

/** NULL, FIN, Xmas and the like: no TCP begins so, nor answers so (RFC 9293, section 3.5). */
export function isStealthProbe({ hasTcpFlags, tcpFlags }: ParsedPacket): boolean {
  return hasTcpFlags && (tcpFlags & (ACK | RST)) === 0;
}

/** Whether ICMP asks for something: echo, timestamp, information, address mask; node information. */
export function isIcmpRequest({ protocol, icmpType: type }: ParsedPacket): boolean {
  if (protocol === Protocol.icmp) return type === 8 || type === 13 || type === 15 || type === 17;
  return protocol === Protocol.icmpv6 && (type === 128 || type === 139);
}

/** Whether a datagram may answer a question that was forgotten since: DNS, NTP, QUIC, STUN. */
export function isLateAnswer({ sourcePort: port, destinationPort }: ParsedPacket): boolean {
  return destinationPort >= FIRST_UNPRIVILEGED &&
    (port === 53 || port === 123 || port === 443 || port === 3478);
}

/** Whether a datagram may come from a service to a program that asks it. */
export function isFromService({ sourcePort, destinationPort }: ParsedPacket): boolean {
  return sourcePort < FIRST_EPHEMERAL && destinationPort >= FIRST_EPHEMERAL;
}

/**
 * What a probe counts. Low ports count more, as scanlogd has it (Solar Designer, Phrack 53-13). So
 * does UDP, where nmap sends ten probes and waits a second; where traceroute ends, which sends 16 at
 * once and three a second from then on, it stays below what is forgotten.
 */
export function pointsOf({ protocol, destinationPort: port }: ParsedPacket): number {
  if (protocol === Protocol.tcp) return port < FIRST_UNPRIVILEGED ? 3 : 1;
  if (protocol !== Protocol.udp) return 1;
  if (port >= TRACEROUTE_FIRST && port <= TRACEROUTE_LAST) return 0.5;
  return port < FIRST_UNPRIVILEGED ? 3 : 2;
}
