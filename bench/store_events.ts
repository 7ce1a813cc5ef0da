/** The packets of a flood, made before the time runs. */
import { Direction, ParsedPacket, Protocol } from "../engine/packet/packet.ts";
import { Random } from "./random.ts";

/** A row of packets, each of which `set` makes of the same object. */
export interface FloodPackets {
  readonly count: number;
  readonly packet: ParsedPacket;
  /** The bytes that `packet` was decoded from. */
  readonly bytes: Uint8Array;
  /** Makes `packet` the one with that number. */
  readonly set: (number: number) => void;
}

/** 22 August 2026, 03:00 UTC, and packets in a second. */
const FIRST_SECOND = 1_787_367_600, RATE = 100_000;
const HOST = 0x0a090001, HEADERS = 60, SEED = 20_261_129;
const PORTS = [22, 23, 23, 80, 443, 445, 3389, 8080];

/** @param sources how many addresses they come from; `Infinity`: each from another one */
export function floodPackets(count: number, sources: number): FloodPackets {
  const random = new Random(SEED);
  const addresses = Int32Array.from({ length: Math.min(count, sources) }, (_, at) =>
    // Scattered, and no two alike: an odd factor maps the numbers to different ones.
    Math.imul(at + 1, 0x9e3779b1));
  const sourcePorts = Uint16Array.from({ length: count }, () => 1_024 + random.below(60_000));
  // Each tries one port again and again.
  const ports = Uint16Array.from(addresses, () => random.pick(PORTS));
  const bytes = new Uint8Array(HEADERS), words = new DataView(bytes.buffer);
  const packet = packetOf(bytes.length);
  const set = (number: number) => {
    const source = addresses[number % addresses.length];
    const port = ports[number % addresses.length];
    packet.seconds = FIRST_SECOND + Math.floor(number / RATE);
    packet.microseconds = (number % RATE) * (1e6 / RATE);
    packet.source0 = source;
    packet.sourcePort = sourcePorts[number];
    packet.destinationPort = port;
    words.setInt32(12, source);
    words.setUint16(20, sourcePorts[number]);
    words.setUint16(22, port);
  };
  return { count, packet, bytes, set };
}

function packetOf(length: number): ParsedPacket {
  const packet = new ParsedPacket();
  packet.family = 4;
  packet.protocol = Protocol.tcp;
  packet.direction = Direction.incoming;
  packet.destination0 = HOST;
  packet.hasPorts = packet.hasTcpFlags = true;
  packet.tcpFlags = 2;
  packet.wireLength = packet.capturedLength = packet.endOffset = length;
  packet.interfaceIndex = 1;
  return packet;
}
