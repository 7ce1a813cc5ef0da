/** Bursts of connections to one login port: somebody guesses passwords. */
import type { DetectionSettings } from "../policy/settings.ts";
import type { ParsedPacket } from "../packet/packet.ts";
import { grouped, roundedSeconds, spanText } from "./evidence_text.ts";
import type { Findings } from "./findings.ts";
import type { PacketClock } from "./packet_clock.ts";
import { SourceScores } from "./source_scores.ts";

type Settings = DetectionSettings["connectionBurst"];

/** Watches for bursts; each port of a source has its own score. */
export class ConnectionBurstDetector {
  #settings: Settings;
  readonly #findings: Findings;
  readonly #scores: SourceScores;
  /** 1 for each port that is watched. */
  readonly #isWatched = new Uint8Array(65_536);

  constructor(settings: Settings, clock: PacketClock, findings: Findings, sources: number) {
    this.#settings = settings;
    this.#findings = findings;
    this.#scores = new SourceScores(clock, sources);
    this.configure(settings);
  }

  /** Takes other settings. */
  configure(settings: Settings): void {
    this.#settings = settings;
    this.#scores.configure(settings);
    this.#isWatched.fill(0);
    for (const port of settings.ports) this.#isWatched[port] = 1;
  }

  /** A handshake that the source brought to its end. */
  connected(packet: ParsedPacket): void {
    const { destinationPort: port } = packet;
    if (!this.#settings.enabled || this.#isWatched[port] === 0) return;
    const scores = this.#scores, slot = scores.open(packet, port);
    if (scores.isSilent(slot)) return;
    if (scores.add(slot, 1)) this.#found(slot, packet);
  }

  #found(slot: number, packet: ParsedPacket): void {
    if (!this.#findings.admit()) return;
    const scores = this.#scores;
    const { counted: connections, seconds } = scores.account(slot);
    const port = packet.destinationPort;
    this.#findings.add(packet, {
      detector: "connection_burst",
      settings: this.#settings,
      text: `${grouped(connections)} to port ${port} in ${spanText(seconds)}`,
      evidence: { connections, ports: [port], seconds: roundedSeconds(seconds) },
    });
    scores.close(slot);
  }
}
