/** Packets as the matcher gets them, made without a wire. */
import { decode } from "../../engine/packet/decode.ts";
import { LinkType } from "../../engine/packet/link_layer.ts";
import { Direction, ParsedPacket, TcpFlag } from "../../engine/packet/packet.ts";
import { parsePrefix } from "../../engine/net/address.ts";
import { be16, ipv4, tcp, udp } from "../packet/frames.ts";

/** A packet and the bytes it was decoded from. */
export interface Sample {
  readonly packet: ParsedPacket;
  readonly view: DataView;
}

/** What a test says of a packet; everything else has a default. */
export interface PacketFields {
  readonly from?: string;
  readonly to?: string;
  readonly protocol?: "tcp" | "udp" | "icmp" | number;
  readonly sourcePort?: number;
  readonly port?: number;
  readonly flags?: number;
  readonly icmpType?: number;
  readonly icmpId?: number;
  /** The packet that an ICMP error quotes. */
  readonly quotes?: PacketFields;
  readonly direction?: keyof typeof Direction;
  readonly seconds?: number;
}

const { syn: SYN } = TcpFlag;

/** An IPv4 packet; by default an incoming SYN from 192.0.2.1 to 198.51.100.1, port 80. */
export function packetOf(fields: PacketFields = {}): Sample {
  const bytes = new Uint8Array(bytesOf(fields));
  const view = new DataView(bytes.buffer);
  const packet = new ParsedPacket();
  const seconds = fields.seconds ?? 1_700_000_000;
  packet.seconds = Math.floor(seconds);
  packet.microseconds = Math.round((seconds % 1) * 1e6);
  packet.wireLength = bytes.length;
  decode(packet, view, 0, bytes.length, LinkType.raw);
  packet.direction = Direction[fields.direction ?? "incoming"];
  return { packet, view };
}

function bytesOf(fields: PacketFields): number[] {
  const { protocol = "tcp" } = fields;
  const number = typeof protocol === "number" ? protocol : { tcp: 6, udp: 17, icmp: 1 }[protocol];
  return ipv4(payloadOf(fields, protocol), {
    protocol: number,
    source: parsePrefix(fields.from ?? "192.0.2.1")!.words[0],
    destination: parsePrefix(fields.to ?? "198.51.100.1")!.words[0],
  });
}

function payloadOf(fields: PacketFields, protocol: PacketFields["protocol"]): number[] {
  const sourcePort = fields.sourcePort ?? 40_000, port = fields.port ?? 80;
  if (protocol === "tcp") return tcp(sourcePort, port, fields.flags ?? SYN);
  if (protocol === "udp") return udp(sourcePort, port);
  if (protocol !== "icmp") return [];
  const header = [fields.icmpType ?? 8, 0, 0, 0, ...be16(fields.icmpId ?? 1), 0, 0];
  return fields.quotes ? [...header, ...bytesOf(fields.quotes)] : header;
}
