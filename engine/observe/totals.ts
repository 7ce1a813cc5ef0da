/** Counters since the start. Plain numbers and typed arrays: counting a packet allocates nothing. */
import { DECODE_RESULTS, DecodeResult, DIRECTIONS, type ParsedPacket } from "../packet/packet.ts";
import { type ReasonCode, REASONS } from "../policy/verdict.ts";
import { HourlyCounts, PacketAction } from "./hourly_counts.ts";
import type { PacketShares } from "./packet_shares.ts";

/** Packets and bytes on the wire. */
export interface Volume {
  readonly packets: number;
  readonly bytes: number;
}

/** How packets with one reason fared, in packets. */
export interface ReasonCounts {
  readonly allowed: number;
  readonly blocked: number;
  readonly wouldBlock: number;
}

/** What became of packets, for one verdict and reason. */
export interface VerdictVolume extends Volume {
  readonly verdict: "allowed" | "blocked" | "would_block";
  readonly reason: ReasonCode;
}

/** The counters as JSON. */
export interface TotalsSnapshot {
  /** Looked at or only counted at the tap, and outgoing drops that only the kernel saw. */
  readonly packets: number;
  readonly bytes: number;
  /** Of packets that were only counted an estimate, as what cannot be decoded and directions are. */
  readonly allowed: number;
  readonly allowedBytes: number;
  /** Dropped by the kernel, as the kernel itself reported. */
  readonly blocked: number;
  readonly blockedBytes: number;
  /** What the policy would have dropped, had it been enforced (monitor, replay). */
  readonly wouldBlock: number;
  readonly wouldBlockBytes: number;
  readonly undecodable: number;
  /** Reasons that occurred. */
  readonly byReason: Readonly<Partial<Record<ReasonCode, ReasonCounts>>>;
  /** Every decode result but ok. */
  readonly byDecodeResult: Readonly<Record<string, number>>;
  readonly byDirection: Readonly<Record<string, number>>;
}

/** In the order of `PacketAction`. */
const VERDICTS = ["allowed", "blocked", "would_block"] as const;

/** What was seen and what became of it. */
export class Totals {
  packets = 0;
  bytes = 0;
  /** The same figures by hour, for the store's rollups. */
  readonly hourly = new HourlyCounts();

  readonly #packets = new Float64Array(3);
  readonly #bytes = new Float64Array(3);
  /** By action, then reason. */
  readonly #reasons = new Float64Array(3 * REASONS.length);
  readonly #reasonBytes = new Float64Array(3 * REASONS.length);
  readonly #decodeResults = new Float64Array(DECODE_RESULTS.length);
  readonly #directions = new Float64Array(DIRECTIONS.length);

  /** Counts a packet that was seen; its verdict is counted by the methods below. */
  seen(packet: ParsedPacket): void {
    this.packets++;
    this.bytes += packet.wireLength;
    this.#decodeResults[packet.result]++;
    this.#directions[packet.direction]++;
    if (packet.result !== DecodeResult.ok) {
      const { seconds, result, wireLength } = packet;
      this.hourly.add(seconds, PacketAction.undecoded, result, 1, wireLength);
    }
  }

  /**
   * Packets that the kernel counted for us and that were not looked at. Their number and bytes are
   * exact; what became of them is told by the shares. What the kernel dropped of them it reports.
   *
   * @param seconds when, since 1970, UTC
   */
  countedOnly(seconds: number, packets: number, bytes: number, shares: PacketShares): void {
    this.packets += packets;
    this.bytes += bytes;
    shares.byDirection(packets, (direction, packets) => {
      this.#directions[direction] += packets;
    });
    shares.byKind(
      packets,
      bytes,
      (reason, packets, bytes) =>
        this.#count(PacketAction.allowed, seconds, reason, packets, bytes),
      (result, packets, bytes) => {
        this.#decodeResults[result] += packets;
        this.hourly.add(seconds, PacketAction.undecoded, result, packets, bytes);
      },
    );
  }

  /** A packet that the policy allows. */
  allowed(packet: ParsedPacket, reason: number): void {
    this.#count(PacketAction.allowed, packet.seconds, reason, 1, packet.wireLength);
  }

  /** A packet that the policy would block, but that nobody enforces it on. */
  wouldBlock(packet: ParsedPacket, reason: number): void {
    this.#count(PacketAction.wouldBlock, packet.seconds, reason, 1, packet.wireLength);
  }

  /** A packet that the kernel reported as dropped. */
  blocked(packet: ParsedPacket, reason: number): void {
    this.#count(PacketAction.blocked, packet.seconds, reason, 1, packet.wireLength);
  }

  /**
   * Drops that the kernel counted but whose reports were lost.
   *
   * @param seconds when, since 1970, UTC
   */
  blockedUnseen(seconds: number, reason: number, packets: number, bytes: number): void {
    this.#count(PacketAction.blocked, seconds, reason, packets, bytes);
  }

  /** Packets and bytes of one `PacketAction`. */
  volume(action: number): Volume {
    return { packets: this.#packets[action], bytes: this.#bytes[action] };
  }

  /** Packets and bytes by verdict and reason: all that can occur, in a fixed order. */
  cells(): VerdictVolume[] {
    return VERDICTS.flatMap((verdict, action) =>
      REASONS.map((reason, at) => {
        const cell = action * REASONS.length + at;
        return { verdict, reason, packets: this.#reasons[cell], bytes: this.#reasonBytes[cell] };
      })
    );
  }

  #count(action: number, seconds: number, reason: number, packets: number, bytes: number): void {
    this.#packets[action] += packets;
    this.#bytes[action] += bytes;
    const cell = action * REASONS.length + reason;
    this.#reasons[cell] += packets;
    this.#reasonBytes[cell] += bytes;
    this.hourly.add(seconds, action, reason, packets, bytes);
  }

  /** The counters now. */
  toJSON(): TotalsSnapshot {
    const allowed = this.volume(PacketAction.allowed);
    const blocked = this.volume(PacketAction.blocked);
    const wouldBlock = this.volume(PacketAction.wouldBlock);
    const undecoded = DECODE_RESULTS.map((name, at) => [name, this.#decodeResults[at]] as const)
      .filter(([name]) => name !== "ok");
    return {
      packets: this.packets,
      bytes: this.bytes,
      allowed: allowed.packets,
      allowedBytes: allowed.bytes,
      blocked: blocked.packets,
      blockedBytes: blocked.bytes,
      wouldBlock: wouldBlock.packets,
      wouldBlockBytes: wouldBlock.bytes,
      undecodable: undecoded.reduce((sum, [, count]) => sum + count, 0),
      byReason: this.#byReason(),
      byDecodeResult: Object.fromEntries(undecoded),
      byDirection: Object.fromEntries(DIRECTIONS.map((name, at) => [name, this.#directions[at]])),
    };
  }

  #byReason(): Partial<Record<ReasonCode, ReasonCounts>> {
    const of = (action: number, at: number) => this.#reasons[action * REASONS.length + at];
    const counts: Partial<Record<ReasonCode, ReasonCounts>> = {};
    REASONS.forEach((code, at) => {
      const allowed = of(PacketAction.allowed, at);
      const blocked = of(PacketAction.blocked, at);
      const wouldBlock = of(PacketAction.wouldBlock, at);
      if (allowed + blocked + wouldBlock > 0) counts[code] = { allowed, blocked, wouldBlock };
    });
    return counts;
  }
}
