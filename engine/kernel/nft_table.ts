/**
 * Deletes an empty table of nf_tables, and only if nobody changed the rule set since it was found
 * empty. iptables can create tables on this backend but not delete them, and the `nft` tool is
 * often not installed. Messages as in linux/netfilter/nfnetlink.h and nf_tables.h.
 */
import { Netlink, NetlinkSocket } from "../../ffi/netlink.ts";
import type { Family } from "../net/address.ts";

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFNL_BATCH_GENID = 1;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;

const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWGEN = 15;
const NFT_MSG_GETGEN = 16;
const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_USE = 3;
const NFTA_GEN_ID = 1;

const ENOENT = 2;
const ERESTART = 85;

const HEADER_BYTES = 16;
/** `struct nfgenmsg`: family, version, resource id. */
const GENERIC_BYTES = 4;

/** The tables of nf_tables, as far as pfw needs them. */
export class NftTables implements Disposable {
  readonly #socket = new NetlinkSocket(Netlink.netfilter);
  #sequence = 0;

  /** A number that changes with every change of the rule set of this network namespace. */
  generation(): number {
    const answer = this.#ask(
      message(tablesType(NFT_MSG_GETGEN), NLM_F_REQUEST, 0, ++this.#sequence),
    );
    if (answer.type !== tablesType(NFT_MSG_NEWGEN)) throw refused("its generation", answer);
    return answer.number(NFTA_GEN_ID);
  }

  /** How many chains, sets and other objects a table holds; `undefined`: there is no such table. */
  useCount(family: Family, table: string): number | undefined {
    const request = message(
      tablesType(NFT_MSG_GETTABLE),
      NLM_F_REQUEST,
      protocolFamily(family),
      ++this.#sequence,
      [stringAttribute(NFTA_TABLE_NAME, table)],
    );
    const answer = this.#ask(request);
    if (answer.type === tablesType(NFT_MSG_NEWTABLE)) return answer.number(NFTA_TABLE_USE);
    if (answer.error === ENOENT) return undefined;
    throw refused(`table ${table}`, answer);
  }

  /**
   * Deletes a table.
   *
   * @param generation as it was before the table was looked at
   * @returns false when the rule set changed since: look again
   */
  delete(family: Family, table: string, generation: number): boolean {
    const begin = message(
      NFNL_MSG_BATCH_BEGIN,
      NLM_F_REQUEST,
      0,
      ++this.#sequence,
      [numberAttribute(NFNL_BATCH_GENID, generation)],
      NFNL_SUBSYS_NFTABLES,
    );
    const remove = message(
      tablesType(NFT_MSG_DELTABLE),
      NLM_F_REQUEST | NLM_F_ACK,
      protocolFamily(family),
      ++this.#sequence,
      [stringAttribute(NFTA_TABLE_NAME, table)],
    );
    const end = message(
      NFNL_MSG_BATCH_END,
      NLM_F_REQUEST,
      0,
      ++this.#sequence,
      [],
      NFNL_SUBSYS_NFTABLES,
    );
    const answer = this.#ask(concat([begin, remove, end]));
    if (answer.type !== NLMSG_ERROR) throw refused(`deleting table ${table}`, answer);
    if (answer.error === ERESTART) return false;
    if (answer.error !== 0 && answer.error !== ENOENT) {
      throw refused(`deleting table ${table}`, answer);
    }
    return true;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #ask(datagram: Uint8Array<ArrayBuffer>): Answer {
    this.#socket.send(datagram);
    return new Answer(this.#socket.receive());
  }
}

/** The first message of a datagram from the kernel. */
class Answer {
  readonly type: number;
  /** The errno of an `NLMSG_ERROR`, 0 for success; -1 for other messages. */
  readonly error: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.type = bytes.length >= HEADER_BYTES ? this.#view.getUint16(4, true) : -1;
    this.error = this.type === NLMSG_ERROR && bytes.length >= HEADER_BYTES + 4
      ? -this.#view.getInt32(HEADER_BYTES, true)
      : -1;
  }

  /** A big-endian 32-bit attribute; throws when the message has none. */
  number(type: number): number {
    const view = this.#view;
    const end = Math.min(view.byteLength, view.getUint32(0, true));
    for (let at = HEADER_BYTES + GENERIC_BYTES; at + 4 <= end;) {
      const length = view.getUint16(at, true);
      const found = view.getUint16(at + 2, true) & 0x3fff;
      if (found === type && length >= 8 && at + 8 <= end) return view.getUint32(at + 4);
      at += Math.max(4, (length + 3) & ~3);
    }
    throw new Error(`nf_tables answered without attribute ${type}`);
  }
}

function refused(what: string, answer: Answer): Error {
  return new Error(`nf_tables refused ${what} (message ${answer.type}, errno ${answer.error})`);
}

function tablesType(type: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | type;
}

/** `NFPROTO_IPV4` and `NFPROTO_IPV6`. */
function protocolFamily(family: Family): number {
  return family === 4 ? 2 : 10;
}

function message(
  type: number,
  flags: number,
  family: number,
  sequence: number,
  attributes: Uint8Array[] = [],
  resource = 0,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(HEADER_BYTES + GENERIC_BYTES);
  const whole = concat([head, ...attributes]);
  const view = new DataView(whole.buffer);
  view.setUint32(0, whole.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint8(16, family);
  view.setUint16(18, resource);
  return whole;
}

function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((4 + payload.length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + payload.length, true);
  view.setUint16(2, type, true);
  bytes.set(payload, 4);
  return bytes;
}

function stringAttribute(type: number, text: string): Uint8Array {
  return attribute(type, new TextEncoder().encode(`${text}\0`));
}

function numberAttribute(type: number, value: number): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, value);
  return attribute(type, payload);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
