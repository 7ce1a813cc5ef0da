/** SYN floods: one source that begins connections and does not complete them (RFC 4987). */
import type { DetectorSettings } from "../policy/settings.ts";
import type { ParsedPacket } from "../packet/packet.ts";
import { countText, grouped, portsText, roundedSeconds, spanText } from "./evidence_text.ts";
import type { Findings } from "./findings.ts";
import type { PacketClock } from "./packet_clock.ts";
import { PortSamples } from "./port_samples.ts";
import { NO_SOURCE, SourceScores } from "./source_scores.ts";

/**
 * What a SYN counts that the rate limit held back: it fills nobody's table of half-open connections,
 * and a client that only is too eager is slowed down and not banned; a flood still is found.
 */
const RATE_LIMITED_SHARE = 1 / 16;

/** Watches for SYN floods. */
export class SynFloodDetector {
  #settings: DetectorSettings;
  readonly #findings: Findings;
  readonly #scores: SourceScores;
  readonly #completed: Float64Array;
  readonly #ports: PortSamples;

  constructor(
    settings: DetectorSettings,
    clock: PacketClock,
    findings: Findings,
    sources: number,
  ) {
    this.#settings = settings;
    this.#findings = findings;
    this.#scores = new SourceScores(clock, sources);
    this.#completed = new Float64Array(this.#scores.capacity);
    this.#ports = new PortSamples(this.#scores.capacity);
    this.configure(settings);
  }

  /** Takes other settings. */
  configure(settings: DetectorSettings): void {
    this.#settings = settings;
    this.#scores.configure(settings);
  }

  /** A SYN of a connection that was not known. */
  opened(packet: ParsedPacket, isRateLimited: boolean): void {
    if (!this.#settings.enabled) return;
    const scores = this.#scores, slot = scores.open(packet);
    if (scores.isSilent(slot)) return;
    if (scores.isFresh(slot)) {
      this.#completed[slot] = 0;
      this.#ports.clear(slot);
    }
    this.#ports.add(slot, packet.destinationPort);
    if (scores.add(slot, isRateLimited ? RATE_LIMITED_SHARE : 1)) this.#found(slot, packet);
  }

  /** A handshake that the source brought to its end. */
  completed(packet: ParsedPacket): void {
    if (!this.#settings.enabled) return;
    const slot = this.#scores.find(packet);
    if (slot === NO_SOURCE) return;
    this.#completed[slot]++;
    this.#scores.takeBack(slot, 1);
  }

  #found(slot: number, packet: ParsedPacket): void {
    if (!this.#findings.admit()) return;
    const scores = this.#scores;
    const { counted: opened, seconds } = scores.account(slot);
    const ports = this.#ports.list(slot), completed = this.#completed[slot];
    const begun = countText(opened, "connection", "connections");
    const done = completed === 0 ? "none" : grouped(completed);
    this.#findings.add(packet, {
      detector: "syn_flood",
      settings: this.#settings,
      text: `${begun} begun to ${portsText(ports)}, ${done} completed, in ${spanText(seconds)}`,
      evidence: { opened, completed, ports, seconds: roundedSeconds(seconds) },
    });
    scores.close(slot);
  }
}
