/** Writes an event buffer as rows, and remembers what many rows share only once. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { formatV6 } from "../net/address.ts";
import { DIRECTIONS } from "../packet/packet.ts";
import { REASONS, reasonText } from "../policy/verdict.ts";
import { Mixed } from "./event_buffer.ts";
import type { EventColumns } from "./event_columns.ts";
import type { EventDetails } from "./event_details.ts";
import { ACTIONS, PacketAction } from "./hourly_counts.ts";
import { ManyRows } from "./many_rows.ts";
import { MANY, type RowTable } from "./schema.ts";
import { SpanWriter } from "./span_writer.ts";

/** Where the texts behind an event's numbers come from. */
export interface EventNames {
  readonly details: EventDetails;
  /** The name of an interface; empty where it is not known. */
  interfaceName(index: number): string;
}

/** Values of a row: every column of the table but `id`. */
const COLUMNS = [
  "time",
  "src",
  "dst",
  "src_port",
  "dst_port",
  "protocol",
  "context",
  "hash",
  "length",
  "tcp_flags",
  "hits",
];

/** Above every index of an interface that a kernel gives out. */
const DEVICES = 2 ** 29;

/** The table that events with that action are kept in. */
export function tableOf(action: number): RowTable {
  return action === PacketAction.allowed ? "allowed" : "blocked";
}

/** Writes rows of one table; to be used inside a transaction. */
export class RowWriter {
  readonly #rows: ManyRows;
  readonly #context: StatementSync;
  readonly #lastId: StatementSync;
  readonly #spans: SpanWriter;

  constructor(db: DatabaseSync, readonly table: RowTable) {
    this.#rows = new ManyRows(db, `${table}_rows (${COLUMNS.join(",")})`, COLUMNS.length);
    this.#context = db.prepare(
      `INSERT INTO row_contexts
         (action, reason_code, reason, rule_id, direction, interface, last_id)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET last_id = max(last_id, excluded.last_id)
       RETURNING id`,
    );
    this.#lastId = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?");
    this.#spans = new SpanWriter(db, table);
  }

  /**
   * Writes every row of the buffer, in its order.
   *
   * @param action index into `ACTIONS`
   */
  write(events: EventColumns, action: number, names: EventNames): void {
    if (events.count === 0) return;
    const first = Number(this.#lastId.get(`${this.table}_rows`)?.seq ?? 0) + 1;
    const contexts = this.#contexts(events, action, names, first + events.count - 1);
    const rows = this.#rows;
    for (let row = 0; row < events.count; row++) {
      fillRow(rows.values, rows.at, events, row, contexts[row]);
      rows.next();
    }
    rows.finish();
    this.#spans.extend(events, first);
  }

  /** The context's id of every row. A flush has few contexts, so each is written once. */
  #contexts(events: EventColumns, action: number, names: EventNames, lastId: number): Float64Array {
    const ids = new Map<number | string, number>();
    const contexts = new Float64Array(events.count);
    let lastKey: number | string = "", last = 0;
    for (let row = 0; row < events.count; row++) {
      const mixed = events.mixed[row];
      const detail = mixed & Mixed.detail ? 0 : events.detail[row];
      const device = mixed & Mixed.interfaceIndex ? -1 : events.interfaceIndex[row];
      const key = contextKey(events.reason[row], events.direction[row], detail, device);
      if (key !== lastKey) {
        last = ids.get(key) ?? this.#contextId(events, row, action, detail, device, names, lastId);
        ids.set(key, last);
        lastKey = key;
      }
      contexts[row] = last;
    }
    return contexts;
  }

  #contextId(
    events: EventColumns,
    row: number,
    action: number,
    detail: number,
    device: number,
    names: EventNames,
    lastId: number,
  ): number {
    const { ruleId, text } = names.details.at(detail);
    const code = REASONS[events.reason[row]];
    const answer = this.#context.get(
      ACTIONS[action],
      code,
      reasonText(code, text),
      ruleId,
      DIRECTIONS[events.direction[row]],
      device < 0 ? "" : names.interfaceName(device),
      lastId,
    );
    return Number(answer?.id);
  }
}

/** Different for different contexts; a number where that is exact, since a text costs more. */
function contextKey(reason: number, direction: number, detail: number, device: number) {
  const small = (reason << 3 | direction) + detail * 128;
  // 7 bits and those of 65,536 details, in a number of 53.
  return device < DEVICES ? small + (device + 1) * 2 ** 23 : `${small} ${device}`;
}

/** An address as the tables hold it: signed word, IPv6 text, `*`, or null. */
export function storedAddress(
  events: EventColumns,
  row: number,
  end: "source" | "destination",
): number | string | null {
  if (events.mixed[row] & Mixed[end]) return MANY;
  if (events.family[row] === 0) return null;
  const words = events.addresses, at = 8 * row + (end === "source" ? 0 : 4);
  return events.family[row] === 4
    ? words[at]
    : formatV6(words[at], words[at + 1], words[at + 2], words[at + 3]);
}

function fillRow(
  values: SQLInputValue[],
  at: number,
  events: EventColumns,
  row: number,
  context: number,
): void {
  const mixed = events.mixed[row];
  const sourcePort = mixed & Mixed.sourcePort ? -1 : events.sourcePort[row];
  const destinationPort = mixed & Mixed.destinationPort ? -1 : events.destinationPort[row];
  const hasProtocol = events.family[row] !== 0 && !(mixed & Mixed.protocol);
  values[at] = events.timeOf(row);
  values[at + 1] = storedAddress(events, row, "source");
  values[at + 2] = storedAddress(events, row, "destination");
  values[at + 3] = sourcePort < 0 ? null : sourcePort;
  values[at + 4] = destinationPort < 0 ? null : destinationPort;
  values[at + 5] = hasProtocol ? events.protocol[row] : null;
  values[at + 6] = context;
  values[at + 7] = events.hash64[row];
  values[at + 8] = events.wireLength[row];
  values[at + 9] = events.tcpFlags[row] < 0 ? null : events.tcpFlags[row];
  values[at + 10] = events.rowHits[row];
}
