/** A database as a busy machine has it after a month, written by the store itself, made once. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EventBuffer } from "../engine/observe/event_buffer.ts";
import { EventDetails } from "../engine/observe/event_details.ts";
import { Store } from "../engine/observe/store.ts";
import { Totals } from "../engine/observe/totals.ts";
import { Direction, ParsedPacket, Protocol } from "../engine/packet/packet.ts";
import { Reason } from "../engine/policy/verdict.ts";
import { addressWords, type Blacklist } from "./blacklist.ts";
import { Random } from "./random.ts";

/** The database and what is known of its rows. */
export interface QueryDatabase {
  /** For `--data-dir`. */
  readonly directory: string;
  readonly path: string;
  readonly rows: number;
  /** Of the file, in bytes. */
  readonly size: number;
  /** Milliseconds since 1970 of the newest row. */
  readonly newest: number;
  /** Seconds that making it took; absent where it was there already. */
  readonly seconds?: number;
}

/** Three rows among the oldest, so that a search for it goes through everything. */
export const RARE_ADDRESS = "198.18.7.7";

/** No row has it. */
export const ABSENT_ADDRESS = "198.18.9.9";

/** One in fifty rows. */
export const FREQUENT_ADDRESS = "198.18.1.1";

/** One row in 250, by way of 50 addresses. */
export const CROWDED_NETWORK = "198.18.5.0/24";

/** A port of the three rare rows alone. */
export const RARE_PORT = 777;

/** The reason of the three rare rows alone. */
export const RARE_REASON = "ban";

/** Changes whenever other rows are made, so that an old file is not used. */
const FORM = 2;

const FLUSH_ROWS = 4_096;
const MONTH = 30 * 86_400_000;
const HOST_V4 = 0x0a090001;

/** Fills a database with that many blocked rows, or takes the one that is there. */
export function queryDatabase(directory: string, rows: number, list: Blacklist): QueryDatabase {
  const home = join(directory, `queries-${rows}-v${FORM}`), path = join(home, "firewall.db");
  const before = look(path, rows);
  if (before) return { directory: home, path, rows, ...before };
  const half = `${home}.new`;
  Deno.mkdirSync(half, { recursive: true });
  for (const suffix of ["", "-wal", "-shm"]) remove(join(half, `firewall.db${suffix}`));
  const started = performance.now();
  fill(join(half, "firewall.db"), rows, list);
  Deno.renameSync(half, home);
  const after = look(path, rows);
  if (!after) throw new Error(`${path} does not hold ${rows} rows`);
  return { directory: home, path, rows, ...after, seconds: (performance.now() - started) / 1000 };
}

function look(path: string, rows: number): { size: number; newest: number } | undefined {
  try {
    // Brings one of an earlier schema up to date.
    if (Deno.statSync(path).isFile) Store.open(path).close();
    const { size } = Deno.statSync(path);
    using db = new DatabaseSync(path, { readOnly: true });
    const last = db.prepare("SELECT id, time FROM blocked_rows ORDER BY id DESC LIMIT 1").get();
    return Number(last?.id) === rows ? { size, newest: Number(last?.time) } : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function fill(path: string, rows: number, list: Blacklist): void {
  const store = Store.open(path);
  const blocked = new EventBuffer(FLUSH_ROWS, FLUSH_ROWS), totals = new Totals();
  const rowsOf = new Rows(list);
  const names = { details: rowsOf.details, interfaceName: (index: number) => `eth${index}` };
  const begin = Date.now() - MONTH;
  try {
    for (let row = 0; row < rows; row++) {
      const { packet, bytes, reason, detail } = rowsOf.next(begin + (row / rows) * MONTH, row);
      blocked.add(packet, bytes, reason, detail);
      totals.seen(packet);
      totals.blocked(packet, reason);
      if (blocked.count < FLUSH_ROWS && row < rows - 1) continue;
      const { ok, notices } = store.flush({ blocked, counts: totals.hourly, names });
      if (!ok) throw new Error(`cannot fill ${path}: ${notices.join(", ")}`);
    }
  } finally {
    store.close();
  }
}

const PORTS = [23, 22, 445, 3389, 80, 443, 8080, 5060, 1433, 6379];

/** What is blocked on a machine in the internet: scanners, some of them all the time. */
class Rows {
  readonly details = new EventDetails();
  readonly #random = new Random(1);
  readonly #listed: Int32Array;
  readonly #packet = new ParsedPacket();
  readonly #bytes = new Uint8Array(40);
  readonly #words = new DataView(this.#bytes.buffer);
  readonly #feeds: readonly number[];
  readonly #rules: readonly number[];
  readonly #ban: number;

  constructor(list: Blacklist) {
    this.#listed = addressWords(list.addresses);
    const intern = (id: string, text: string) => this.details.intern(id, text);
    this.#feeds = ["IPsum", "Spamhaus DROP", "Feodo Tracker"].map((name) => intern("", name));
    this.#rules = ["Block Telnet", "Block SMB", "Block RDP"].map((name, at) =>
      intern(`0000000${at}`, name)
    );
    this.#ban = intern("", "port scan");
  }

  /** The packet of a row, the same object each time. */
  next(time: number, row: number) {
    const packet = this.#packet, random = this.#random;
    packet.seconds = Math.floor(time / 1000);
    packet.microseconds = Math.floor(time % 1000) * 1000;
    packet.family = random.share() < 0.08 ? 6 : 4;
    packet.protocol = random.share() < 0.85 ? Protocol.tcp : Protocol.udp;
    packet.direction = Direction.incoming;
    packet.hasPorts = true;
    packet.sourcePort = 1_024 + random.below(60_000);
    packet.destinationPort = random.share() < 0.7 ? random.pick(PORTS) : this.#otherPort();
    packet.hasTcpFlags = packet.protocol === Protocol.tcp;
    packet.tcpFlags = packet.hasTcpFlags ? 2 : 0;
    packet.wireLength = 40 + random.below(40);
    packet.capturedLength = packet.endOffset = this.#bytes.length;
    packet.interfaceIndex = 2;
    this.#words.setUint32(0, row);
    this.#address();
    if (row % 50 === 3) this.#source(FREQUENT_ADDRESS_WORD);
    if (row % 250 === 5) this.#source(CROWDED_NETWORK_WORD + random.below(50));
    if (row >= 100 && row < 103) return this.#rareRow();
    return { packet, bytes: this.#bytes, ...this.#reason() };
  }

  #rareRow() {
    this.#source(RARE_ADDRESS_WORD);
    this.#packet.destinationPort = RARE_PORT;
    return { packet: this.#packet, bytes: this.#bytes, reason: Reason.ban, detail: this.#ban };
  }

  #otherPort(): number {
    const port = this.#random.below(65_536);
    return port === RARE_PORT ? 1 : port;
  }

  /** Half of the rows from a few hundred listed addresses, most others from any listed one. */
  #address(): void {
    const random = this.#random, packet = this.#packet;
    if (packet.family === 6) {
      const network = random.below(5_000);
      this.#write(0x20010db8, network, 0, 1 + random.below(3));
      [packet.destination0, packet.destination1] = [0xfd090000 | 0, 0];
      [packet.destination2, packet.destination3] = [0, 1];
      return;
    }
    const choice = random.share();
    this.#source(
      choice < 0.5
        ? this.#listed[random.below(300)]
        : choice < 0.95
        ? this.#listed[random.below(this.#listed.length)]
        : random.word(),
    );
  }

  #source(word: number): void {
    const packet = this.#packet;
    packet.family = 4;
    this.#write(word | 0, 0, 0, 0);
    packet.destination0 = HOST_V4;
    packet.destination1 = packet.destination2 = packet.destination3 = 0;
  }

  #write(w0: number, w1: number, w2: number, w3: number): void {
    const packet = this.#packet;
    [packet.source0, packet.source1, packet.source2, packet.source3] = [w0, w1, w2, w3];
  }

  #reason(): { reason: number; detail: number } {
    const random = this.#random, choice = random.share();
    if (choice < 0.6) return { reason: Reason.threat, detail: random.pick(this.#feeds) };
    if (choice < 0.9) return { reason: Reason.rule, detail: random.pick(this.#rules) };
    if (choice < 0.97) return { reason: Reason.blacklist, detail: 0 };
    return { reason: choice < 0.99 ? Reason.rateLimit : Reason.invalid, detail: 0 };
  }
}

const [FREQUENT_ADDRESS_WORD, CROWDED_NETWORK_WORD, RARE_ADDRESS_WORD] = addressWords([
  FREQUENT_ADDRESS,
  CROWDED_NETWORK.replace("/24", ""),
  RARE_ADDRESS,
]);
