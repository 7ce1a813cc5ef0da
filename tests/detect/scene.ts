/** A machine and those around it: packets by packet through matcher and detectors, as on a tap. */
import { Detectors } from "../../engine/detect/detectors.ts";
import type { Detection } from "../../engine/detect/detection.ts";
import { parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { Direction, ParsedPacket, Protocol, TcpFlag } from "../../engine/packet/packet.ts";
import { synthesize } from "../../engine/packet/synthetic.ts";
import { Matcher } from "../../engine/policy/matcher.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { type ConfigDraft, configSchema } from "../../engine/policy/schema.ts";
import { type DetectionSettings, settingsOf } from "../../engine/policy/settings.ts";
import { isBlocked, Reason, reasonOf } from "../../engine/policy/verdict.ts";
import { policy } from "../support/policies.ts";

/** The machine that pfw guards, and a neighbour. */
export const HOST = "198.51.100.1", HOST_V6 = "2001:db8:1::1", PEER = "192.0.2.1";

const { syn: SYN, ack: ACK, rst: RST } = TcpFlag;

/** What is sent; a SYN to port 80 of the machine unless said otherwise. */
export interface Sent {
  readonly from?: string;
  readonly to?: string;
  readonly protocol?: keyof typeof Protocol;
  readonly sourcePort?: number;
  readonly port?: number;
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly icmpType?: number;
  /** The link layer delivered it to many. */
  readonly isToMany?: boolean;
}

/** How a scene differs from the defaults. */
export interface SceneOptions {
  readonly policy?: Partial<Policy>;
  readonly detection?: ConfigDraft["detection"];
  readonly sources?: number;
  /** Begins with the start of pfw, not a minute later. */
  readonly isJustStarted?: boolean;
}

/** The settings of a configuration that says this about detection, and nothing else. */
export function detection(draft: ConfigDraft["detection"] = {}): DetectionSettings {
  return settingsOf(configSchema.parse({ detection: draft })).detection;
}

/** Time passes only where the test says so. */
export class Scene {
  /** Seconds since 1970. */
  now = 1_700_000_000;
  readonly detectors: Detectors;
  readonly #matcher: Matcher;
  readonly #packet = new ParsedPacket();
  #ephemeral = 40_000;
  /** Of the machine's next SYN-ACK. */
  #sequence = -3;

  constructor(options: SceneOptions = {}) {
    const base = policy({ rateLimit: { connections: 100, seconds: 10 } });
    this.#matcher = new Matcher({ ...base, ...options.policy }, { flows: 4096 });
    this.detectors = new Detectors(detection(options.detection), { sources: options.sources });
    if (options.isJustStarted) return;
    this.send({ from: "192.0.2.250" });
    this.now += 60;
  }

  /** Sends a packet; true when it is blocked. */
  send(sent: Sent = {}): boolean {
    const packet = this.#packet, { from = PEER, to = HOST, protocol = "tcp" } = sent;
    const view = synthesize(packet, {
      from: addressOf(from),
      to: addressOf(to),
      protocol: Protocol[protocol],
      sourcePort: sent.sourcePort ?? this.#ephemeral++,
      destinationPort: sent.port ?? 80,
      tcpFlags: sent.flags ?? SYN,
      sequence: sent.sequence,
      acknowledgement: sent.acknowledgement,
      icmpType: sent.icmpType ?? 8,
    });
    const microseconds = Math.round(this.now * 1e6);
    packet.seconds = Math.floor(microseconds / 1e6);
    packet.microseconds = microseconds % 1e6;
    packet.direction = isOurs(from) ? Direction.outgoing : Direction.incoming;
    packet.isToMany = sent.isToMany ?? false;
    return this.#judge(packet, view);
  }

  #judge(packet: ParsedPacket, view: DataView): boolean {
    const matcher = this.#matcher, verdict = matcher.decide(packet, view);
    const reason = reasonOf(verdict);
    this.detectors.seen(packet, matcher.moment, reason === Reason.rateLimit);
    if (isBlocked(verdict)) this.detectors.blocked(packet, reason);
    return isBlocked(verdict);
  }

  /** A connection that is made: three packets, `gap` seconds apart. */
  connect(sent: Sent = {}, gap = 0.001): void {
    const { from = PEER, to = HOST, port = 80, sourcePort = this.#ephemeral++ } = sent;
    if (this.send({ ...sent, sourcePort })) return;
    this.now += gap;
    const sequence = this.#sequence = Math.imul(this.#sequence, 1_664_525) + 1_013_904_223 | 0;
    const answer = { from: to, to: from, sourcePort: port, port: sourcePort };
    this.send({ ...answer, flags: SYN | ACK, sequence });
    this.now += gap;
    // Whoever saw the answer acknowledges it; a forger sends what it likes.
    const acknowledgement = sent.acknowledgement ?? sequence + 1 | 0;
    this.send({ ...sent, sourcePort, flags: ACK, acknowledgement });
  }

  /** A connection that is refused. */
  knock(sent: Sent = {}): void {
    const { from = PEER, to = HOST, port = 80, sourcePort = this.#ephemeral++ } = sent;
    if (this.send({ ...sent, sourcePort })) return;
    this.send({ from: to, to: from, sourcePort: port, port: sourcePort, flags: RST | ACK });
  }

  /** What was found so far and not yet taken. */
  found(): readonly Detection[] {
    return this.detectors.take();
  }

  /** The same, only the texts. */
  texts(): string[] {
    return this.found().map(({ text }) => text);
  }
}

function isOurs(address: string): boolean {
  return address === HOST || address === HOST_V6;
}

const parsed = new Map<string, Prefix>();

function addressOf(text: string): Prefix {
  const known = parsed.get(text);
  if (known) return known;
  const address = parsePrefix(text);
  if (!address) throw new RangeError(`not an address: ${text}`);
  parsed.set(text, address);
  return address;
}
