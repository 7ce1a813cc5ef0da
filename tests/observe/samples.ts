/** Packets and databases for the tests of what pfw remembers. */
import { join } from "node:path";
import { parsePrefix } from "../../engine/net/address.ts";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { PacketAction } from "../../engine/observe/hourly_counts.ts";
import { type EventNames, Store } from "../../engine/observe/store.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { Direction, ParsedPacket, Protocol } from "../../engine/packet/packet.ts";
import { Reason } from "../../engine/policy/verdict.ts";

/** What a sample packet may differ in. */
export interface Sample {
  readonly time?: number;
  readonly source?: string;
  readonly destination?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly protocol?: number;
  readonly direction?: number;
  readonly length?: number;
  readonly reason?: number;
  readonly detail?: number;
  readonly interfaceIndex?: number;
  readonly bytes?: Uint8Array;
}

/** 2026-01-31T12:00:00.123Z. */
export const NOON = Date.UTC(2026, 0, 31, 12, 0, 0, 123);

const BYTES = new Uint8Array(40).map((_, at) => at);

/** Fills a packet: an incoming SYN to port 23, unless told otherwise. */
export function packetOf(sample: Sample = {}): ParsedPacket {
  const packet = new ParsedPacket();
  const source = parsePrefix(sample.source ?? "198.51.100.7")!;
  const destination = parsePrefix(sample.destination ?? "192.0.2.1")!;
  const time = sample.time ?? NOON;
  packet.seconds = Math.floor(time / 1000);
  packet.microseconds = (time % 1000) * 1000;
  packet.family = source.family;
  packet.protocol = sample.protocol ?? Protocol.tcp;
  packet.direction = sample.direction ?? Direction.incoming;
  packet.hasPorts = packet.protocol === Protocol.tcp || packet.protocol === Protocol.udp;
  packet.sourcePort = packet.hasPorts ? sample.sourcePort ?? 40_000 : 0;
  packet.destinationPort = packet.hasPorts ? sample.destinationPort ?? 23 : 0;
  packet.hasTcpFlags = packet.protocol === Protocol.tcp;
  packet.tcpFlags = packet.hasTcpFlags ? 2 : 0;
  packet.wireLength = sample.length ?? 60;
  packet.capturedLength = packet.endOffset = (sample.bytes ?? BYTES).length;
  [packet.source0, packet.source1, packet.source2, packet.source3] = source.words;
  [packet.destination0, packet.destination1, packet.destination2, packet.destination3] =
    destination.words;
  packet.interfaceIndex = sample.interfaceIndex ?? 2;
  return packet;
}

/** Adds a sample to a buffer. */
export function addTo(events: EventBuffer, sample: Sample = {}): void {
  const reason = sample.reason ?? Reason.rule;
  events.add(packetOf(sample), sample.bytes ?? BYTES, reason, sample.detail ?? 0);
}

/** A store in a temporary directory with buffers to fill. */
export class StoreBench implements Disposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "pfw-store-" });
  readonly path = join(this.directory, "firewall.db");
  readonly details = new EventDetails();
  readonly blocked: EventBuffer;
  readonly allowed = new EventBuffer(1_000);
  readonly totals = new Totals();
  readonly names: EventNames = { details: this.details, interfaceName: (at) => `eth${at}` };
  #store: Store | undefined;

  constructor(capacity = 1_000, writeBudget = 2_000) {
    this.blocked = new EventBuffer(capacity, writeBudget);
  }

  get store(): Store {
    return this.#store ??= Store.open(this.path);
  }

  /** Remembers a blocked packet, in row and counts. */
  block(sample: Sample = {}): void {
    addTo(this.blocked, sample);
    const packet = packetOf(sample);
    this.totals.seen(packet);
    this.totals.blocked(packet, sample.reason ?? Reason.rule);
  }

  /** Remembers an allowed packet, in row and counts. */
  allow(sample: Sample = {}): void {
    addTo(this.allowed, { reason: Reason.defaultPolicy, ...sample });
    const packet = packetOf(sample);
    this.totals.seen(packet);
    this.totals.allowed(packet, sample.reason ?? Reason.defaultPolicy);
  }

  /** Everything that waits. */
  batch(action: number = PacketAction.blocked) {
    return {
      [action === PacketAction.blocked ? "blocked" : "wouldBlock"]: this.blocked,
      allowed: this.allowed,
      counts: this.totals.hourly,
      names: this.names,
    };
  }

  flush() {
    return this.store.flush(this.batch());
  }

  /** Closes the store; the next use opens it again. */
  close(): void {
    this.#store?.close();
    this.#store = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}
