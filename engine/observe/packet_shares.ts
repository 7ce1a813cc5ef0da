/** What packets of late were, to tell what those were most likely that nobody looked at. */
import {
  DECODE_RESULTS,
  DecodeResult,
  DIRECTIONS,
  type ParsedPacket,
  TcpFlag,
} from "../packet/packet.ts";
import { REASONS } from "../policy/verdict.ts";

/** What became of a packet: it could not be decoded, or was allowed for a reason, or neither. */
const KINDS = DECODE_RESULTS.length + REASONS.length + 1;
const NOT_ALLOWED = KINDS - 1;
/** FIN, SYN and RST: such packets are always looked at, so they stand for no others. */
const CONNECTION_FLAGS = TcpFlag.fin | TcpFlag.syn | TcpFlag.rst;

/** Called with a part of the packets. */
export type Part = (index: number, packets: number, bytes: number) => void;

/** Shares of kinds and directions among the packets that were looked at. */
export class PacketShares {
  readonly #kinds = new Float64Array(KINDS);
  readonly #directions = new Float64Array(DIRECTIONS.length);

  /**
   * Takes in a packet that was looked at.
   *
   * @param reason why it was allowed, an index into `REASONS`; -1: it was not
   */
  add(packet: ParsedPacket, reason: number): void {
    if (packet.hasTcpFlags && (packet.tcpFlags & CONNECTION_FLAGS) !== 0) return;
    this.#directions[packet.direction]++;
    this.#kinds[kindOf(packet, reason)]++;
  }

  /** Divides packets by direction; the parts add up. */
  byDirection(packets: number, part: Part): void {
    divide(this.#directions, packets, 0, part);
  }

  /**
   * Divides packets by what became of them; the parts and the rest that was not allowed add up.
   *
   * @param allowed gets an index into `REASONS`
   * @param undecoded gets a `DecodeResult`
   */
  byKind(packets: number, bytes: number, allowed: Part, undecoded: Part): void {
    divide(this.#kinds, packets, bytes, (kind, packets, bytes) => {
      if (kind === NOT_ALLOWED) return;
      if (kind < DECODE_RESULTS.length) undecoded(kind, packets, bytes);
      else allowed(kind - DECODE_RESULTS.length, packets, bytes);
    });
  }

  /** Makes what was counted so far weigh half as much as what comes. */
  age(): void {
    for (let kind = 0; kind < KINDS; kind++) this.#kinds[kind] /= 2;
    for (let at = 0; at < this.#directions.length; at++) this.#directions[at] /= 2;
  }
}

function kindOf(packet: ParsedPacket, reason: number): number {
  if (packet.result !== DecodeResult.ok) return packet.result;
  return reason < 0 ? NOT_ALLOWED : DECODE_RESULTS.length + reason;
}

function divide(weights: Float64Array, packets: number, bytes: number, part: Part): void {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0, packetsGiven = 0, bytesGiven = 0;
  weights.forEach((weight, index) => {
    if (weight === 0) return;
    sum += weight;
    const packetsUpTo = Math.round(packets * sum / whole);
    const bytesUpTo = Math.round(bytes * sum / whole);
    part(index, packetsUpTo - packetsGiven, bytesUpTo - bytesGiven);
    packetsGiven = packetsUpTo;
    bytesGiven = bytesUpTo;
  });
}
