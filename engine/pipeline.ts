/**
 * The hot path: from a buffer of captured records to verdicts, counters and events. One pass, no
 * allocation for a packet.
 */
import type { PacketBlock } from "../ffi/packet_block.ts";
import { RECORD_HEADER, type RecordBuffer } from "../ffi/record_buffer.ts";
import type { Detectors } from "./detect/detectors.ts";
import type { LocalAddresses } from "./net/local_addresses.ts";
import type { EventBuffer } from "./observe/event_buffer.ts";
import { PacketShares } from "./observe/packet_shares.ts";
import type { Totals } from "./observe/totals.ts";
import { decode, decodeCooked } from "./packet/decode.ts";
import { setDirection } from "./packet/direction.ts";
import { LinkType } from "./packet/link_layer.ts";
import { decodeNflog, NflogRecord } from "./packet/nflog.ts";
import { DecodeResult, Direction, ParsedPacket, Protocol } from "./packet/packet.ts";
import { type Matcher, Moment } from "./policy/matcher.ts";
import { isBlocked, Reason, reasonOf, ruleOf } from "./policy/verdict.ts";
import type { DropPrefixes } from "./drop_prefixes.ts";

/** Who enforces: with `kernel` a block is counted when the kernel reports it, else as "would". */
export type Enforcement = "kernel" | "none";

/** What the pipeline reads and fills. */
export interface PipelineParts {
  readonly enforcement: Enforcement;
  readonly matcher: Matcher;
  readonly own: LocalAddresses;
  readonly totals: Totals;
  /** Blocked, or would-be blocked, packets. */
  readonly blocked: EventBuffer;
  /** The sample of allowed packets. */
  readonly allowed: EventBuffer;
  readonly prefixes: DropPrefixes;
  /** Share of allowed packets that is kept, 0 to 1. */
  readonly sample: number;
  /** Watch how sources behave, where anybody wants to know. */
  readonly detectors?: Detectors;
  /** Which ban or feed blocks the packet, asked for those reasons; must not allocate. */
  readonly detailOf?: DetailOf;
}

/** The memory that packets were decoded from. */
interface PacketBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A number in `EventDetails`, 0 for none, of a packet that a reason (in `REASONS`) blocks. */
export type DetailOf = (reason: number, packet: ParsedPacket) => number;

/** Interfaces that a tap does not watch; what the kernel drops there is seen by NFLOG alone. */
export type IsWatched = (interfaceIndex: number) => boolean;

/**
 * Seconds for which the beginning of a connection without TCP's flags may have been missed, after
 * packets were only counted: as long as the kernel remembers one of UDP.
 */
const PARTIAL_SIGHT = 120;

/** Packets that are decoded before the first of them is judged. */
const GROUP = 32;

/** Judges, counts and remembers packets. */
export class Pipeline {
  readonly #parts: PipelineParts;
  #enforcement: Enforcement;
  readonly #packet = new ParsedPacket();
  /** Packets are decoded some at a time, so that the matcher can read ahead in its tables. */
  readonly #group = Array.from({ length: GROUP }, () => new ParsedPacket());
  /** Where in the buffer the next group begins. */
  #next = 0;
  readonly #record = new NflogRecord();
  /** Details of the present policy's rules, by index. */
  #ruleDetails: readonly number[] = [];
  /** What packets were while the kernel enforces: some of them may only be counted then. */
  readonly #shares = new PacketShares();
  /** Seconds since 1970. */
  #partialUntil = 0;
  #sampleLimit = 0;
  #random = crypto.getRandomValues(new Int32Array(1))[0] | 1;
  isWatched: IsWatched = () => true;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#enforcement = parts.enforcement;
    this.setSample(parts.sample);
    this.setRuleDetails(parts.prefixes.ruleDetails(parts.matcher.policy));
  }

  /** Enforcing began or ended. */
  setEnforcement(enforcement: Enforcement): void {
    this.#enforcement = enforcement;
  }

  /** After a change of policy: what the rules' indices stand for. */
  setRuleDetails(details: readonly number[]): void {
    this.#ruleDetails = details;
  }

  /** @param share of allowed packets that is kept, 0 to 1 */
  setSample(share: number): void {
    this.#sampleLimit = Math.round(share * 0x80000000);
  }

  /**
   * Takes in a batch from a tap or a file.
   *
   * @param length bytes of the buffer in use
   * @param interfaceIndex of packets whose link layer does not tell it
   * @returns number of records
   */
  readTap(buffer: RecordBuffer, length: number, linkType: number, interfaceIndex: number): number {
    const { matcher } = this.#parts, group = this.#group;
    let records = 0;
    this.#next = 0;
    for (;;) {
      const count = this.#decodeGroup(buffer, length, linkType, interfaceIndex);
      if (count === 0) return records;
      matcher.fetch(group, count);
      for (let at = 0; at < count; at++) this.#judge(group[at], buffer);
      records += count;
    }
  }

  /**
   * Takes in the packets of a block that the kernel filled, where they lie.
   *
   * @param interfaceIndex of the device, or 0 where packets come from several
   * @returns number of packets
   */
  readBlock(block: PacketBlock, interfaceIndex: number): number {
    const { matcher } = this.#parts, group = this.#group;
    let packets = 0;
    for (;;) {
      const count = this.#decodeBlock(block, interfaceIndex);
      if (count === 0) return packets;
      matcher.fetch(group, count);
      for (let at = 0; at < count; at++) this.#judge(group[at], block);
      packets += count;
    }
  }

  /** Packets of a tap that the kernel counted and did not hand over. */
  countOnly(packets: number, bytes: number): void {
    const seconds = Date.now() / 1000;
    this.#partialUntil = seconds + PARTIAL_SIGHT;
    this.#parts.totals.countedOnly(seconds, packets, bytes, this.#shares);
    this.#shares.age();
  }

  #decodeBlock(block: PacketBlock, interfaceIndex: number): number {
    const { view, isCooked } = block, group = this.#group;
    let count = 0;
    while (count < GROUP && block.next()) {
      const packet = group[count++], start = block.packetStart, end = block.packetEnd;
      packet.seconds = block.seconds;
      packet.microseconds = block.microseconds;
      if (isCooked) {
        decodeCooked(packet, view, start, end, block.protocol, block.packetType);
        packet.interfaceIndex = block.interfaceIndex;
      } else {
        decode(packet, view, start, end, LinkType.ethernet);
        packet.interfaceIndex = interfaceIndex;
      }
      packet.wireLength = block.wireLength + block.addedLength;
      packet.capturedLength += block.addedLength;
    }
    return count;
  }

  /** Decodes the records from `#next` on, as many as a group holds; returns how many those are. */
  #decodeGroup(buffer: RecordBuffer, length: number, linkType: number, interfaceIndex: number) {
    const { view } = buffer, group = this.#group;
    let at = this.#next, count = 0;
    while (count < GROUP && at + RECORD_HEADER <= length) {
      const start = at + RECORD_HEADER;
      const end = start + view.getUint32(at + 8, true);
      if (end > length) break;
      const packet = group[count++];
      packet.seconds = view.getUint32(at, true);
      packet.microseconds = view.getUint32(at + 4, true);
      packet.wireLength = view.getUint32(at + 12, true);
      if (linkType === LinkType.nflog) decodeNflog(packet, this.#record, view, start, end);
      else decode(packet, view, start, end, linkType);
      if (packet.interfaceIndex === 0) packet.interfaceIndex = interfaceIndex;
      at = end;
    }
    this.#next = at;
    return count;
  }

  /** Takes in a batch of the kernel's reports: drops that happened. Returns the records. */
  readNflog(buffer: RecordBuffer, length: number): number {
    const { bytes, view } = buffer, packet = this.#packet, record = this.#record;
    const { prefixes, totals, blocked } = this.#parts;
    let at = 0, records = 0;
    while (at + RECORD_HEADER <= length) {
      const start = at + RECORD_HEADER;
      const end = start + view.getUint32(at + 8, true);
      if (end > length) break;
      packet.seconds = view.getUint32(at, true);
      packet.microseconds = view.getUint32(at + 4, true);
      packet.wireLength = view.getUint32(at + 12, true);
      decodeNflog(packet, record, view, start, end);
      const drop = prefixes.find(bytes, record.prefixStart, record.prefixEnd);
      if (drop !== undefined) {
        // The tap has counted it already, unless the packet never came past one.
        if (this.#passedNoTap(packet)) totals.seen(packet);
        totals.blocked(packet, drop.reason);
        blocked.add(packet, bytes, drop.reason, drop.detail || this.#listed(packet, drop.reason));
        drop.packets++;
        if (this.#isToUs(packet)) this.#parts.detectors?.blocked(packet, drop.reason);
      }
      at = end;
      records++;
    }
    return records;
  }

  /** A dropped outgoing packet reaches no tap, nor does one of an interface nobody watches. */
  #passedNoTap(packet: ParsedPacket): boolean {
    return packet.direction === Direction.outgoing || !this.isWatched(packet.interfaceIndex);
  }

  /** The kernel reports no link layer, and broadcasts and what passes through as incoming too. */
  #isToUs(packet: ParsedPacket): boolean {
    if (packet.direction !== Direction.incoming) return false;
    const { own } = this.#parts, { destination0, destination1 } = packet;
    return packet.family === 4
      ? own.hasV4(destination0)
      : own.hasV6(destination0, destination1, packet.destination2, packet.destination3);
  }

  #judge(packet: ParsedPacket, buffer: PacketBytes): void {
    const { totals, matcher, own } = this.#parts;
    setDirection(packet, own);
    totals.seen(packet);
    const verdict = matcher.decide(packet, buffer.view);
    const reason = reasonOf(verdict);
    if (
      matcher.moment !== Moment.none && packet.direction === Direction.incoming &&
      this.#sawBeginning(packet)
    ) this.#parts.detectors?.seen(packet, matcher.moment, reason === Reason.rateLimit);
    if (this.#enforcement === "kernel") this.#shares.add(packet, isBlocked(verdict) ? -1 : reason);
    if (isBlocked(verdict)) {
      // While the kernel enforces, only its own report makes a blocked packet.
      if (this.#enforcement === "kernel") return;
      totals.wouldBlock(packet, reason);
      const detail = this.#detailOf(verdict, reason) || this.#listed(packet, reason);
      this.#parts.blocked.add(packet, buffer.bytes, reason, detail);
      if (packet.direction === Direction.incoming) this.#parts.detectors?.blocked(packet, reason);
      return;
    }
    if (packet.result !== DecodeResult.ok) return;
    totals.allowed(packet, reason);
    if (this.#isSampled()) {
      this.#parts.allowed.add(packet, buffer.bytes, reason, this.#detailOf(verdict, reason));
    }
  }

  /** Else an answer to us would count as an attempt: what we sent may only have been counted. */
  #sawBeginning(packet: ParsedPacket): boolean {
    return packet.protocol === Protocol.tcp || packet.seconds >= this.#partialUntil;
  }

  #detailOf(verdict: number, reason: number): number {
    return reason === Reason.rule ? this.#ruleDetails[ruleOf(verdict)] ?? 0 : 0;
  }

  /** The ban or the feed that lists the packet's peer. */
  #listed(packet: ParsedPacket, reason: number): number {
    if (reason !== Reason.ban && reason !== Reason.threat) return 0;
    return this.#parts.detailOf?.(reason, packet) ?? 0;
  }

  /** xorshift32 (Marsaglia 2003): a share of packets that no regular traffic can fall in step with. */
  #isSampled(): boolean {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x & 0x7fffffff) < this.#sampleLimit;
  }
}
