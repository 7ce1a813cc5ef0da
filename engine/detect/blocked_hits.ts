/** Sources that knock again and again at what rules or the default policy block. */
import type { DetectorSettings } from "../policy/settings.ts";
import { type ParsedPacket, Protocol } from "../packet/packet.ts";
import { countText, portsText, roundedSeconds, spanText } from "./evidence_text.ts";
import type { Findings } from "./findings.ts";
import type { PacketClock } from "./packet_clock.ts";
import { PortSamples } from "./port_samples.ts";
import { FIRST_OWN } from "./probes.ts";
import { hashConnection, hashTarget, Remembered } from "./remembered.ts";
import { SourceScores } from "./source_scores.ts";

/**
 * Seconds. Whoever got no answer tries again after a second (RFC 6298, section 2), and asks with
 * `ping` once a second; that is one hit. Who repeats the same packet sooner does not wait for one.
 */
const SOON = 0.5;

/** Watches for repeated hits on what is blocked. */
export class BlockedHitsDetector {
  #settings: DetectorSettings;
  readonly #clock: PacketClock;
  readonly #findings: Findings;
  readonly #scores: SourceScores;
  readonly #connections: Remembered;
  readonly #ports: PortSamples;
  /** When each source's last packet came. */
  readonly #last: Float64Array;
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0];

  constructor(
    settings: DetectorSettings,
    clock: PacketClock,
    findings: Findings,
    sources: number,
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#findings = findings;
    this.#scores = new SourceScores(clock, sources);
    this.#connections = new Remembered(this.#scores.capacity);
    this.#ports = new PortSamples(this.#scores.capacity);
    this.#last = new Float64Array(this.#scores.capacity);
    this.configure(settings);
  }

  /** Takes other settings. */
  configure(settings: DetectorSettings): void {
    this.#settings = settings;
    this.#scores.configure(settings);
  }

  /** A packet that was blocked. */
  hit(packet: ParsedPacket): void {
    if (!this.#settings.enabled) return;
    const scores = this.#scores, slot = scores.open(packet);
    if (scores.isSilent(slot)) return;
    if (scores.isFresh(slot)) {
      this.#connections.clear(slot);
      this.#ports.clear(slot);
      this.#last[slot] = -Infinity;
    }
    scores.note(slot);
    if (!this.#counts(slot, packet)) return;
    if (packet.hasPorts) this.#ports.add(slot, packet.destinationPort);
    if (scores.add(slot, 1)) this.#found(slot, packet);
  }

  #counts(slot: number, packet: ParsedPacket): boolean {
    const since = this.#clock.now[0] - this.#last[slot];
    this.#last[slot] = this.#clock.now[0];
    const from = packet.hasPorts ? packet.sourcePort : packet.icmpId;
    const connection = hashConnection(hashTarget(packet, this.#seed), from);
    if (this.#connections.add(slot, connection)) return true;
    // A stream that somebody still sends us, though we have left it, is no knocking.
    const isStream = packet.protocol === Protocol.udp && packet.destinationPort >= FIRST_OWN;
    return !isStream && since < SOON;
  }

  #found(slot: number, packet: ParsedPacket): void {
    if (!this.#findings.admit()) return;
    const scores = this.#scores;
    const { packets, counted: hits, seconds } = scores.account(slot);
    const ports = this.#ports.list(slot);
    const where = ports.length === 0 ? "" : ` to ${portsText(ports)}`;
    this.#findings.add(packet, {
      detector: "blocked_hits",
      settings: this.#settings,
      text: `${countText(hits, "packet", "packets")}${where} in ${spanText(seconds)}`,
      evidence: {
        hits,
        ports,
        packets,
        seconds: roundedSeconds(seconds),
      },
    });
    scores.close(slot);
  }
}
