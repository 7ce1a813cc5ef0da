/**
 * Port scans: one source that tries many ports, or one port of many of this machine's addresses.
 * What is tried again adds nothing, and a connection that was really made is taken back, so that a
 * busy client of many services (FTP in passive mode) is none.
 */
import type { DetectorSettings } from "../policy/settings.ts";
import type { ParsedPacket } from "../packet/packet.ts";
import { countText, portsText, roundedSeconds, spanText } from "./evidence_text.ts";
import type { Findings } from "./findings.ts";
import type { PacketClock } from "./packet_clock.ts";
import { PortSamples } from "./port_samples.ts";
import { pointsOf } from "./probes.ts";
import { hashTarget, Remembered } from "./remembered.ts";
import { NO_SOURCE, SourceScores } from "./source_scores.ts";

/** Watches for port scans. */
export class PortScanDetector {
  #settings: DetectorSettings;
  readonly #findings: Findings;
  readonly #scores: SourceScores;
  /** Targets that were tried; those where a connection was made are marked. */
  readonly #tried: Remembered;
  readonly #ports: PortSamples;
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0];

  constructor(
    settings: DetectorSettings,
    clock: PacketClock,
    findings: Findings,
    sources: number,
  ) {
    this.#settings = settings;
    this.#findings = findings;
    this.#scores = new SourceScores(clock, sources);
    this.#tried = new Remembered(this.#scores.capacity);
    this.#ports = new PortSamples(this.#scores.capacity);
    this.configure(settings);
  }

  /** Takes other settings. */
  configure(settings: DetectorSettings): void {
    this.#settings = settings;
    this.#scores.configure(settings);
  }

  /** A packet that tries to reach something. */
  probed(packet: ParsedPacket): void {
    if (!this.#settings.enabled) return;
    const scores = this.#scores, slot = scores.open(packet);
    if (scores.isSilent(slot)) return;
    if (scores.isFresh(slot)) {
      this.#tried.clear(slot);
      this.#ports.clear(slot);
    }
    scores.note(slot);
    if (!this.#tried.add(slot, hashTarget(packet, this.#seed))) return;
    if (packet.hasPorts) this.#ports.add(slot, packet.destinationPort);
    if (scores.add(slot, pointsOf(packet))) this.#found(slot, packet);
  }

  /** A packet that completes a connection: there was something to reach. */
  reached(packet: ParsedPacket): void {
    if (!this.#settings.enabled) return;
    const slot = this.#scores.find(packet);
    if (slot === NO_SOURCE) return;
    // Once for each target: else one open port would pay for a whole scan.
    if (this.#tried.mark(slot, hashTarget(packet, this.#seed))) {
      this.#scores.takeBack(slot, pointsOf(packet));
    }
  }

  #found(slot: number, packet: ParsedPacket): void {
    if (!this.#findings.admit()) return;
    const scores = this.#scores;
    const { packets, counted: targets, seconds } = scores.account(slot);
    const ports = this.#ports.list(slot);
    this.#findings.add(packet, {
      detector: "port_scan",
      settings: this.#settings,
      text: `${targetsText(targets, ports)} in ${spanText(seconds)}`,
      evidence: {
        targets,
        ports,
        packets,
        seconds: roundedSeconds(seconds),
      },
    });
    scores.close(slot);
  }
}

function targetsText(targets: number, ports: readonly number[]): string {
  if (ports.length > 1) return countText(targets, "port", "ports");
  if (ports.length === 1) {
    return `${portsText(ports)} of ${countText(targets, "address", "addresses")}`;
  }
  return countText(targets, "address or protocol", "addresses or protocols");
}
