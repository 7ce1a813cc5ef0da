/**
 * The kernel's reports: frames of link type NFLOG (239). A header of four view, then TLVs whose
 * length and type are in host byte order and padded to four bytes (linux/netfilter/nfnetlink_log.h;
 * tcpdump group, "LINKTYPE_NFLOG").
 */
import { decodeIp } from "./decode.ts";
import { DecodeResult, Direction, type ParsedPacket } from "./packet.ts";

const PACKET_HEADER = 1, TIMESTAMP = 3, IN_INTERFACE = 4, OUT_INTERFACE = 5, PAYLOAD = 9;
const PREFIX = 10;
const HOOK_PREROUTING = 0, HOOK_FORWARD = 2, HOOK_OUTPUT = 3;

/** Whether this machine stores numbers little end first, as TLV headers of a live group are. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** What an NFLOG record says beside the packet. One object is filled again for every record. */
export class NflogRecord {
  /** Where the prefix's text lies in the buffer; `prefixStart === prefixEnd`: there is none. */
  prefixStart = 0;
  prefixEnd = 0;
  /** NF_INET_* hook number (0 PREROUTING … 4 POSTROUTING), or -1. */
  hook = -1;
}

/**
 * Decodes one NFLOG frame into `packet` and `record`. The kernel's timestamp, where there is one,
 * replaces the packet's. `wireLength` becomes the IP packet's own length: only headers are copied.
 */
export function decodeNflog(
  packet: ParsedPacket,
  record: NflogRecord,
  view: DataView,
  start: number,
  end: number,
): void {
  record.prefixStart = record.prefixEnd = 0;
  record.hook = -1;
  let payloadStart = -1, payloadEnd = -1, interfaceIndex = 0;
  let at = start + 4;
  while (end - at >= 4) {
    const length = host16(view, at);
    if (length < 4 || at + length > end) break;
    const value = at + 4, valueEnd = at + length;
    switch (host16(view, at + 2)) {
      case PACKET_HEADER:
        if (length >= 7) record.hook = view.getUint8(value + 2);
        break;
      case TIMESTAMP:
        if (length >= 20) readTimestamp(packet, view, value);
        break;
      case IN_INTERFACE:
      case OUT_INTERFACE:
        if (length >= 8 && interfaceIndex === 0) interfaceIndex = view.getInt32(value);
        break;
      case PREFIX:
        record.prefixStart = value;
        record.prefixEnd = view.getUint8(valueEnd - 1) === 0 ? valueEnd - 1 : valueEnd;
        if (record.prefixEnd < value) record.prefixEnd = value;
        break;
      case PAYLOAD:
        payloadStart = value;
        payloadEnd = valueEnd;
    }
    at += (length + 3) & ~3;
  }
  if (payloadStart < 0) {
    decodeIp(packet, view, end, end);
    packet.result = DecodeResult.truncated;
    return;
  }
  decodeIp(packet, view, payloadStart, payloadEnd);
  packet.interfaceIndex = interfaceIndex;
  packet.direction = directionOfHook(record.hook);
  packet.wireLength = ipLength(packet, view);
}

/** Before routing it is not known yet whether a packet is for this machine or passes through. */
function directionOfHook(hook: number): number {
  if (hook === HOOK_OUTPUT) return Direction.outgoing;
  if (hook === HOOK_FORWARD) return Direction.forwarded;
  return hook < HOOK_PREROUTING ? Direction.unknown : Direction.incoming;
}

/** The packet's length by its own header, or what was captured where that says nothing. */
function ipLength(packet: ParsedPacket, view: DataView): number {
  const at = packet.networkOffset;
  if (packet.family === 4) {
    return ((view.getUint8(at + 2) << 8) | view.getUint8(at + 3)) || packet.capturedLength;
  }
  if (packet.family === 6) return 40 + ((view.getUint8(at + 4) << 8) | view.getUint8(at + 5));
  return packet.capturedLength;
}

/** Two big-endian 64-bit numbers: seconds and microseconds. The kernel leaves them 0 at times. */
function readTimestamp(packet: ParsedPacket, view: DataView, at: number): void {
  const seconds = view.getInt32(at + 4) >>> 0;
  if (seconds === 0) return;
  packet.seconds = seconds;
  packet.microseconds = view.getInt32(at + 12) >>> 0;
}

function host16(view: DataView, at: number): number {
  return view.getUint16(at, LITTLE_ENDIAN);
}
