/** The newest rows of the log, before they are in the database: a ring that any page can begin with. */
import type { DaemonView } from "../../engine/daemon_view.ts";
import { formatAddress } from "../../engine/net/address.ts";
import { type EventBuffer, Mixed } from "../../engine/observe/event_buffer.ts";
import { protocolName } from "../../engine/observe/protocol_names.ts";
import { MANY } from "../../engine/observe/schema.ts";
import { DIRECTIONS } from "../../engine/packet/packet.ts";
import { REASONS, reasonText } from "../../engine/policy/verdict.ts";
import type { LiveRow } from "../contract.ts";

/** Rows that are kept. */
export const KEPT_ROWS = 200;
/** Rows that are taken between two ticks; of the rest only the number of packets. */
export const ROWS_PER_TICK = 25;
/** Of those, allowed ones: a sample of them must not push the blocked ones out. */
const ALLOWED_PER_TICK = 5;

/** How the rows are made readable. */
export interface RowNames {
  readonly view: Pick<DaemonView, "details" | "enforcement">;
  readonly interfaceName: (index: number) => string;
}

/** Takes rows out of the buffers while they can be looked at. */
export class LiveRows {
  readonly #names: RowNames;
  #kept: LiveRow[] = [];
  #fresh: LiveRow[] = [];
  #allowed = 0;
  #unshown = 0;
  #seq = 0;

  constructor(names: RowNames) {
    this.#names = names;
  }

  /** Number of the newest row. */
  get seq(): number {
    return this.#seq;
  }

  /** Takes over what the buffers hold and was not shown before. */
  collect(blocked: EventBuffer, allowed: EventBuffer): void {
    const action = this.#names.view.enforcement.mode === "enforce" ? "blocked" : "would_block";
    for (let row = 0; row < blocked.count; row++) {
      const packets = blocked.unshown(row), isNew = packets === blocked.rowHits[row];
      if (isNew && this.#fresh.length < ROWS_PER_TICK) this.#add(blocked, row, action);
      else this.#unshown += packets;
    }
    for (let row = 0; row < allowed.count; row++) {
      if (allowed.unshown(row) !== allowed.rowHits[row]) continue;
      const hasRoom = this.#allowed < ALLOWED_PER_TICK && this.#fresh.length < ROWS_PER_TICK;
      if (!hasRoom) break;
      this.#allowed++;
      this.#add(allowed, row, "allowed");
    }
  }

  /** The rows since the last call, and the blocked packets that none of them shows. */
  take(): { rows: readonly LiveRow[]; unshown: number } {
    const taken = { rows: this.#fresh, unshown: this.#unshown };
    if (this.#fresh.length > 0) this.#kept = [...this.#kept, ...this.#fresh].slice(-KEPT_ROWS);
    this.#fresh = [];
    this.#allowed = 0;
    this.#unshown = 0;
    return taken;
  }

  /** The rows after `seq` that are still kept, and how many are not. */
  after(seq: number): { rows: readonly LiveRow[]; missed: number } {
    const taken = this.#seq - this.#fresh.length;
    // A number that was never given out is one of an earlier start.
    if (seq > taken) return { rows: this.#kept, missed: 0 };
    const rows = this.#kept.filter((row) => row.seq > seq);
    return { rows, missed: seq === 0 ? 0 : taken - seq - rows.length };
  }

  #add(events: EventBuffer, row: number, action: LiveRow["action"]): void {
    const code = REASONS[events.reason[row]];
    const detail = this.#names.view.details.at(events.detail[row]);
    const isMixed = (bit: number) => (events.mixed[row] & bit) !== 0;
    const port = (ports: Int32Array, bit: number) =>
      ports[row] < 0 || isMixed(bit) ? null : ports[row];
    const index = events.interfaceIndex[row];
    this.#fresh.push({
      seq: ++this.#seq,
      at: events.timeOf(row),
      src_ip: addressOf(events, row, 0, isMixed(Mixed.source)),
      dst_ip: addressOf(events, row, 4, isMixed(Mixed.destination)),
      src_port: port(events.sourcePort, Mixed.sourcePort),
      dst_port: port(events.destinationPort, Mixed.destinationPort),
      protocol: events.family[row] === 0 || isMixed(Mixed.protocol)
        ? null
        : protocolName(events.protocol[row]),
      reason: reasonText(code, isMixed(Mixed.detail) ? "" : detail.text),
      reason_code: code,
      rule_id: isMixed(Mixed.detail) ? null : detail.ruleId || null,
      direction: DIRECTIONS[events.direction[row]],
      interface: isMixed(Mixed.interfaceIndex) ? null : this.#names.interfaceName(index) || null,
      hits: events.rowHits[row],
      action,
    });
  }
}

function addressOf(events: EventBuffer, row: number, offset: number, isMany: boolean) {
  const family = events.family[row];
  if (family === 0) return null;
  if (isMany) return MANY;
  const at = 8 * row + offset;
  const [w0, w1, w2, w3] = events.addresses.subarray(at, at + 4);
  return formatAddress(family === 4 ? 4 : 6, w0, w1, w2, w3);
}
