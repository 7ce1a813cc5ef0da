/**
 * Where the hot path leaves events until they are written: a fixed number of rows, so that no flood
 * costs memory.
 *
 * Up to the write budget every event is a row of its own. Above it, equal events share a row and
 * `hits` counts them. When the rows are used up, events share rows that say less and less: first
 * without addresses, then only reason and direction. The sum of `hits` is exact at every stage.
 */
import { DIRECTIONS, ParsedPacket } from "../packet/packet.ts";
import { REASONS } from "../policy/verdict.ts";
import { EventColumns } from "./event_columns.ts";
import { avalanche, hashBytes } from "./packet_hash.ts";

/** Bits of `EventBuffer.mixed`: the row's events differ in this field, so it has no value. */
export const Mixed = {
  source: 1,
  destination: 2,
  sourcePort: 4,
  destinationPort: 8,
  protocol: 16,
  detail: 32,
  interfaceIndex: 64,
} as const;

const ALL_MIXED = Object.values(Mixed).reduce((bits, bit) => bits | bit, 0) & ~Mixed.detail;
const NO_BYTES = new Uint8Array(0);

/** How much of an event a shared row keeps apart. */
const Level = { equal: 0, service: 1, reason: 2 } as const;

/** Rows of the last level: one for each reason and direction, so it can never be full. */
const LAST_RESORT_ROWS = REASONS.length * DIRECTIONS.length;

/** Events of one kind (blocked, or sampled allowed ones), in order of arrival. */
export class EventBuffer extends EventColumns {
  /** Packets since the start that share a row with an earlier one. */
  coalesced = 0;
  /** Of those, the packets whose row no longer tells their addresses apart. */
  blurred = 0;

  readonly #level: Uint8Array;
  /** Of each row, the packets that were shown. */
  readonly #shown: Float64Array;
  /** Open addressing: row + 1, or 0 for a free place. */
  readonly #index: Int32Array;
  /** Secret, so that nobody can choose packets that all fall on one place of the index. */
  readonly #seed: number;
  readonly #serviceLimit: number;

  /**
   * @param capacity rows that keep an event's addresses, at least 1
   * @param writeBudget rows before equal events begin to share one
   */
  constructor(readonly capacity: number, readonly writeBudget = 2_000) {
    const serviceLimit = capacity + Math.max(64, capacity >> 3);
    const rows = serviceLimit + LAST_RESORT_ROWS;
    super(rows);
    this.#serviceLimit = serviceLimit;
    this.#level = new Uint8Array(rows);
    this.#shown = new Float64Array(rows);
    this.#index = new Int32Array(2 ** Math.ceil(Math.log2(2 * rows)));
    this.#seed = crypto.getRandomValues(new Int32Array(1))[0];
  }

  /**
   * Remembers one event.
   *
   * @param buffer the bytes that the packet was decoded from
   * @param reason index into `REASONS`
   * @param detail number in `EventDetails`
   */
  add(
    packet: ParsedPacket,
    buffer: Uint8Array,
    reason: number,
    detail = 0,
    interfaceIndex = packet.interfaceIndex,
  ): void {
    this.hits++;
    if (this.count < this.writeBudget && this.count < this.capacity) {
      this.#append(packet, buffer, reason, detail, interfaceIndex, Level.equal);
      return;
    }
    const { capacity } = this, limit = this.#serviceLimit, last = limit + LAST_RESORT_ROWS;
    if (this.#share(packet, buffer, reason, detail, interfaceIndex, Level.equal, capacity) >= 0) {
      return;
    }
    if (this.#share(packet, buffer, reason, detail, interfaceIndex, Level.service, limit) >= 0) {
      return;
    }
    this.#share(packet, buffer, reason, detail, interfaceIndex, Level.reason, last);
  }

  /**
   * Remembers events of which nothing but their number and reason is known, in one row.
   *
   * @param seconds when, since 1970, UTC
   * @param reason index into `REASONS`
   * @param detail number in `EventDetails`
   */
  addUnknown(seconds: number, reason: number, detail: number, packets: number): void {
    const { coalesced, blurred } = this, last = this.#serviceLimit + LAST_RESORT_ROWS;
    const packet = new ParsedPacket();
    packet.seconds = Math.floor(seconds);
    packet.microseconds = Math.floor((seconds % 1) * 1e6);
    const row = this.#share(packet, NO_BYTES, reason, detail, 0, Level.reason, last);
    this.rowHits[row] += packets - 1;
    this.mixed[row] |= ALL_MIXED;
    this.hits += packets;
    this.coalesced = coalesced + packets;
    this.blurred = blurred + packets;
  }

  /** Packets of a row that were not shown: all of them, or none, or what it grew by since. */
  unshown(row: number): number {
    return this.rowHits[row] - this.#shown[row];
  }

  /** Whoever wanted to see the rows has seen them, which may be long before they are forgotten. */
  markShown(): void {
    for (let row = 0; row < this.count; row++) this.#shown[row] = this.rowHits[row];
  }

  /** Forgets all rows; the counters since the start stay. */
  override clear(): void {
    this.#shown.fill(0, 0, this.count);
    super.clear();
    this.#index.fill(0);
  }

  /** Adds the event to its row of that level, or makes one below `limit`; -1: neither. */
  #share(
    packet: ParsedPacket,
    buffer: Uint8Array,
    reason: number,
    detail: number,
    interfaceIndex: number,
    level: number,
    limit: number,
  ): number {
    const index = this.#index, mask = index.length - 1;
    let place = this.#keyHash(packet, reason, detail, level) & mask;
    for (; index[place] !== 0; place = (place + 1) & mask) {
      const row = index[place] - 1;
      if (this.#level[row] !== level || !this.#sameKey(row, packet, reason, detail, level)) {
        continue;
      }
      this.#merge(row, packet, detail, interfaceIndex);
      if (level !== Level.equal) this.blurred++;
      return row;
    }
    if (this.count >= limit) return -1;
    index[place] = this.count + 1;
    this.#append(packet, buffer, reason, detail, interfaceIndex, level);
    return this.count - 1;
  }

  #keyHash(packet: ParsedPacket, reason: number, detail: number, level: number): number {
    let hash = avalanche(this.#seed ^ (reason << 8) ^ (packet.direction << 4) ^ level);
    if (level === Level.reason) return hash;
    hash = avalanche(hash ^ detail);
    hash = avalanche(hash ^ (packet.protocol << 16) ^ destinationPortOf(packet));
    if (level === Level.service) return hash;
    hash = avalanche(hash ^ packet.source0);
    hash = avalanche(hash ^ packet.destination0);
    if (packet.family !== 6) return hash;
    hash = avalanche(hash ^ packet.source1);
    hash = avalanche(hash ^ packet.source2);
    hash = avalanche(hash ^ packet.source3);
    hash = avalanche(hash ^ packet.destination1);
    hash = avalanche(hash ^ packet.destination2);
    return avalanche(hash ^ packet.destination3);
  }

  #sameKey(row: number, packet: ParsedPacket, reason: number, detail: number, level: number) {
    if (this.reason[row] !== reason || this.direction[row] !== packet.direction) return false;
    if (level === Level.reason) return true;
    if (
      this.detail[row] !== detail || this.protocol[row] !== packet.protocol ||
      this.destinationPort[row] !== destinationPortOf(packet)
    ) return false;
    return level === Level.service ||
      (this.family[row] === packet.family && this.#sameSource(row, packet) &&
        this.#sameDestination(row, packet));
  }

  #sameSource(row: number, packet: ParsedPacket): boolean {
    const words = this.addresses, at = 8 * row;
    return words[at] === packet.source0 && words[at + 1] === packet.source1 &&
      words[at + 2] === packet.source2 && words[at + 3] === packet.source3;
  }

  #sameDestination(row: number, packet: ParsedPacket): boolean {
    const words = this.addresses, at = 8 * row + 4;
    return words[at] === packet.destination0 && words[at + 1] === packet.destination1 &&
      words[at + 2] === packet.destination2 && words[at + 3] === packet.destination3;
  }

  #merge(row: number, packet: ParsedPacket, detail: number, interfaceIndex: number): void {
    this.rowHits[row]++;
    this.coalesced++;
    let mixed = this.mixed[row];
    const otherFamily = this.family[row] !== packet.family;
    if (otherFamily || !this.#sameSource(row, packet)) mixed |= Mixed.source;
    if (otherFamily || !this.#sameDestination(row, packet)) mixed |= Mixed.destination;
    if (this.sourcePort[row] !== sourcePortOf(packet)) mixed |= Mixed.sourcePort;
    if (this.destinationPort[row] !== destinationPortOf(packet)) mixed |= Mixed.destinationPort;
    if (this.protocol[row] !== packet.protocol) mixed |= Mixed.protocol;
    if (this.detail[row] !== detail) mixed |= Mixed.detail;
    if (this.interfaceIndex[row] !== interfaceIndex) mixed |= Mixed.interfaceIndex;
    this.mixed[row] = mixed;
  }

  #append(
    packet: ParsedPacket,
    buffer: Uint8Array,
    reason: number,
    detail: number,
    interfaceIndex: number,
    level: number,
  ): void {
    const row = this.count++;
    this.#level[row] = level;
    this.mixed[row] = 0;
    this.rowHits[row] = 1;
    this.seconds[row] = packet.seconds;
    this.microseconds[row] = packet.microseconds;
    this.family[row] = packet.family;
    this.sourcePort[row] = sourcePortOf(packet);
    this.destinationPort[row] = destinationPortOf(packet);
    this.protocol[row] = packet.protocol;
    this.reason[row] = reason;
    this.detail[row] = detail;
    this.direction[row] = packet.direction;
    this.interfaceIndex[row] = interfaceIndex;
    this.wireLength[row] = packet.wireLength;
    this.tcpFlags[row] = packet.hasTcpFlags ? packet.tcpFlags : -1;
    this.#writeAddresses(row, packet);
    const end = packet.endOffset;
    const start = packet.family === 0 ? end - packet.capturedLength : packet.networkOffset;
    hashBytes(buffer, start, end, this.hash, 2 * row);
  }

  #writeAddresses(row: number, packet: ParsedPacket): void {
    const words = this.addresses, at = 8 * row;
    words[at] = packet.source0;
    words[at + 1] = packet.source1;
    words[at + 2] = packet.source2;
    words[at + 3] = packet.source3;
    words[at + 4] = packet.destination0;
    words[at + 5] = packet.destination1;
    words[at + 6] = packet.destination2;
    words[at + 7] = packet.destination3;
  }
}

function sourcePortOf(packet: ParsedPacket): number {
  return packet.hasPorts ? packet.sourcePort : -1;
}

function destinationPortOf(packet: ParsedPacket): number {
  return packet.hasPorts ? packet.destinationPort : -1;
}
