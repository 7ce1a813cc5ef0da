/** What the detectors found and nobody took yet. Bounded, whatever a flood of sources does. */
import type { DetectorSettings } from "../policy/settings.ts";
import type { ParsedPacket } from "../packet/packet.ts";
import { type Detection, DETECTOR_TEXTS, type DetectorName, type Evidence } from "./detection.ts";
import type { PacketClock } from "./packet_clock.ts";
import { sourceOf } from "./source_key.ts";

/** Detections a second, and at once. */
const PER_SECOND = 64;
/** Detections that wait. */
const WAITING = 256;

const NONE: readonly Detection[] = Object.freeze([]);

/** What a detector says of a source. */
export interface Finding {
  readonly detector: DetectorName;
  readonly settings: DetectorSettings;
  /** What was seen, e.g. `24 ports in 1.2 s`. */
  readonly text: string;
  readonly evidence: Evidence;
}

/** Gathers detections. */
export class Findings {
  /** How often a source was found and not reported, since there were too many. */
  suppressed = 0;
  readonly #clock: PacketClock;
  #waiting: Detection[] = [];
  /** What may still be reported now, and when that was so (Turner's token bucket, 1986). */
  readonly #allowance = Float64Array.of(PER_SECOND, 0);

  constructor(clock: PacketClock) {
    this.#clock = clock;
  }

  /**
   * Whether one more may be added; if not, it is counted, and its evidence need not be made. The
   * source then stays as suspicious as it is, and is found again by its next packet: so who goes on
   * cannot hide behind forged sources that come once.
   */
  admit(): boolean {
    const allowance = this.#allowance, now = this.#clock.now[0];
    const elapsed = Math.max(0, now - allowance[1]);
    allowance[0] = Math.min(PER_SECOND, allowance[0] + elapsed * PER_SECOND);
    allowance[1] = now;
    if (allowance[0] < 1 || this.#waiting.length >= WAITING) {
      this.suppressed++;
      return false;
    }
    allowance[0]--;
    return true;
  }

  /** Adds a detection that was admitted. */
  add(packet: ParsedPacket, { detector, settings, text, evidence }: Finding): void {
    this.#waiting.push({
      detector,
      source: sourceOf(packet),
      text: `${DETECTOR_TEXTS[detector]}: ${text}`,
      evidence,
      at: Math.round(this.#clock.now[0] * 1000),
      isDryRun: settings.isDryRun,
    });
  }

  /** What was added since the last call. */
  take(): readonly Detection[] {
    if (this.#waiting.length === 0) return NONE;
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}
