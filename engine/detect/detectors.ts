/**
 * What leads to a ban by itself: the detectors together, and which packet is any of their business.
 * The hot path calls in here for packets that open or complete a connection and for blocked ones.
 * Nothing is allocated unless something is found.
 */
import { Moment } from "../policy/matcher.ts";
import type { DetectionSettings } from "../policy/settings.ts";
import { Reason } from "../policy/verdict.ts";
import { type ParsedPacket, Protocol } from "../packet/packet.ts";
import { BlockedHitsDetector } from "./blocked_hits.ts";
import { ConnectionBurstDetector } from "./connection_burst.ts";
import type { Detection } from "./detection.ts";
import { Findings } from "./findings.ts";
import { PacketClock } from "./packet_clock.ts";
import { PortScanDetector } from "./port_scan.ts";
import {
  isFromService,
  isIcmpRequest,
  isLateAnswer,
  isStealthProbe,
  isTcpOpening,
  isToUsAlone,
} from "./probes.ts";
import { SynFloodDetector } from "./syn_flood.ts";

/** Sources that each detector remembers unless told otherwise; 8 MB in all once there were so many. */
const SOURCES = 8_192;

/**
 * Seconds after the start in which a datagram may answer what was asked before it: longer than a
 * resolver waits for an answer (resolv.conf(5), `timeout`).
 */
const START = 5;

/** All detectors, counting by the time of the packets. */
export class Detectors {
  readonly #clock = new PacketClock();
  readonly #findings = new Findings(this.#clock);
  readonly #portScan: PortScanDetector;
  readonly #synFlood: SynFloodDetector;
  readonly #blockedHits: BlockedHitsDetector;
  readonly #connectionBurst: ConnectionBurstDetector;
  /** Seconds since 1970. A capture begins with its first packet, which is older than this object. */
  readonly #started = Float64Array.of(Date.now() / 1000);

  constructor(settings: DetectionSettings, { sources = SOURCES }: { sources?: number } = {}) {
    const parts = [this.#clock, this.#findings, sources] as const;
    this.#portScan = new PortScanDetector(settings.portScan, ...parts);
    this.#synFlood = new SynFloodDetector(settings.synFlood, ...parts);
    this.#blockedHits = new BlockedHitsDetector(settings.blockedHits, ...parts);
    this.#connectionBurst = new ConnectionBurstDetector(settings.connectionBurst, ...parts);
  }

  /** How often a source was found and not reported, since there were too many at once. */
  get suppressed(): number {
    return this.#findings.suppressed;
  }

  /** Takes other settings. What is known of the sources stays. */
  configure(settings: DetectionSettings): void {
    this.#portScan.configure(settings.portScan);
    this.#synFlood.configure(settings.synFlood);
    this.#blockedHits.configure(settings.blockedHits);
    this.#connectionBurst.configure(settings.connectionBurst);
  }

  /**
   * A packet on a tap.
   *
   * @param moment as `Matcher.moment`
   * @param isRateLimited the rate limit holds it back
   */
  seen(packet: ParsedPacket, moment: number, isRateLimited = false): void {
    if (moment === Moment.none || !isToUsAlone(packet)) return;
    this.#setClock(packet);
    if (moment === Moment.completes) {
      this.#synFlood.completed(packet);
      this.#portScan.reached(packet);
      this.#connectionBurst.connected(packet);
    } else if (packet.protocol === Protocol.tcp) {
      if (!isTcpOpening(packet)) return;
      this.#portScan.probed(packet);
      this.#synFlood.opened(packet, isRateLimited);
    } else if (this.#isProbe(packet)) {
      this.#portScan.probed(packet);
    }
  }

  /**
   * A packet that was blocked, or would be where nobody enforces. The rate limit's are left out: who
   * opens too many connections is slowed down, and found by what the connections are.
   *
   * @param reason index into `REASONS`
   */
  blocked(packet: ParsedPacket, reason: number): void {
    if (!isToUsAlone(packet)) return;
    this.#setClock(packet);
    if (reason === Reason.invalid) {
      if (packet.protocol === Protocol.tcp && isStealthProbe(packet)) this.#portScan.probed(packet);
    } else if (reason === Reason.rule || reason === Reason.defaultPolicy) {
      if (this.#isKnock(packet)) this.#blockedHits.hit(packet);
    }
  }

  /** What was found since the last call. */
  take(): readonly Detection[] {
    return this.#findings.take();
  }

  /** Whether a blocked packet asks for something, and not merely goes on or answers. */
  #isKnock(packet: ParsedPacket): boolean {
    if (packet.protocol === Protocol.tcp) return isTcpOpening(packet);
    if (packet.protocol !== Protocol.udp) return isIcmpRequest(packet);
    return packet.hasPorts && !isLateAnswer(packet) && !this.#isStarting();
  }

  /** Whether a packet that is not TCP, of a connection not known, tries to reach something. */
  #isProbe(packet: ParsedPacket): boolean {
    if (packet.fragmentOffset > 0) return false;
    if (packet.protocol !== Protocol.udp) return true;
    if (!packet.hasPorts || isLateAnswer(packet)) return false;
    return !isFromService(packet) || !this.#isStarting();
  }

  #isStarting(): boolean {
    return this.#clock.now[0] - this.#started[0] < START;
  }

  #setClock(packet: ParsedPacket): void {
    this.#clock.set(packet);
    if (this.#clock.now[0] < this.#started[0]) this.#started[0] = this.#clock.now[0];
  }
}
