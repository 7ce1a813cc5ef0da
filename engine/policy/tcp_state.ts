/**
 * The states of a TCP connection as the kernel follows them (nf_conntrack_proto_tcp.c): what a packet
 * may be is said by its flags, who sent it, and the state. Windows are not followed.
 */
import { TcpFlag } from "../packet/packet.ts";

/** The kernel's TCP_CONNTRACK_* numbers. */
export const TcpState = {
  none: 0,
  synSent: 1,
  synReceived: 2,
  established: 3,
  finWait: 4,
  closeWait: 5,
  lastAck: 6,
  timeWait: 7,
  close: 8,
  synSent2: 9,
} as const;

/** What `followTcp` gives beside a tracking word. */
export const TcpOutcome = {
  /** No such packet can belong to the connection. */
  invalid: -1,
  /** The packet begins another connection between the same ports. */
  anew: -2,
} as const;

/** Bits of a tracking word: the state, what came last and from whom, and what happened before. */
const STATE_BITS = 15, LAST_SHIFT = 4, LAST_BITS = 7 << LAST_SHIFT, LAST_IS_REPLY = 1 << 7;
/** Somebody closed the connection in good order. */
const WAS_CLOSED = 1 << 8;
/** Both sides sent a SYN. */
const WAS_OPENED_TWICE = 1 << 9;
const HAPPENED_BITS = ~(STATE_BITS | LAST_BITS | LAST_IS_REPLY);

/** The first bit that is free for the owner of the word. */
export const TCP_WORD_BITS = 10;

/** Packets by their flags, the rows of the table. */
const Kind = { syn: 0, synAck: 1, fin: 2, ack: 3, rst: 4, none: 5 } as const;
const KINDS = 6, STATES = 10;

/** Pass by without a word: the two sides may know better. */
const IGNORE = 10;
const INVALID = 11;

/** `tcp_conntracks`: rows of `Kind`, the opener's packets first; columns of `TcpState`. */
const TRANSITIONS: Uint8Array = transitions([
  //  none SS SR ES FW CW LA TW CL S2
  "SS SS IG IG IG IG IG SS SS S2", // SYN
  "IV IV SR IV IV IV IV IV IV SR", // SYN and ACK
  "IV IV FW FW LA LA LA TW CL IV", // FIN
  "ES IV ES ES CW CW TW TW CL IV", // ACK
  "IV CL CL CL CL CL CL CL CL CL", // RST
  "IV IV IV IV IV IV IV IV IV IV",
  "IV S2 IV IV IV IV IV SS IV S2", // the same from the other side
  "IV SR IG IG IG IG IG IG IG SR",
  "IV IV FW FW LA LA LA TW CL IV",
  "IV IG SR ES CW CW TW TW CL IG",
  "IV CL CL CL CL CL CL CL CL CL",
  "IV IV IV IV IV IV IV IV IV IV",
]);

function transitions(rows: readonly string[]): Uint8Array {
  const names = ["--", "SS", "SR", "ES", "FW", "CW", "LA", "TW", "CL", "S2", "IG", "IV"];
  return Uint8Array.from(rows.flatMap((row) => row.split(" ").map((name) => names.indexOf(name))));
}

/** The tracking word of a connection that begins with a packet of these flags. */
export function beginTcp(flags: number): number {
  const kind = kindOf(flags);
  return TRANSITIONS[kind * STATES + TcpState.none] | (kind << LAST_SHIFT);
}

/** The state in a tracking word. */
export function tcpStateOf(word: number): number {
  return word & STATE_BITS;
}

/** The tracking word after a packet whose flags are valid, or a `TcpOutcome`. */
export function followTcp(word: number, flags: number, isReply: boolean): number {
  const kind = kindOf(flags), state = word & STATE_BITS;
  const next = TRANSITIONS[((isReply ? KINDS : 0) + kind) * STATES + state];
  const last = (kind << LAST_SHIFT) | (isReply ? LAST_IS_REPLY : 0);
  // Nearly every packet is one of a connection that is and stays established.
  if (next === TcpState.established) return (word & HAPPENED_BITS) | next | last;
  if (next === INVALID) return TcpOutcome.invalid;
  return followRare(word, kind, isReply, next, last);
}

function followRare(
  word: number,
  kind: number,
  isReply: boolean,
  next: number,
  last: number,
): number {
  const state = word & STATE_BITS;
  let happened = word & HAPPENED_BITS;
  if (next === TcpState.synSent && state >= TcpState.timeWait) {
    if ((word & WAS_CLOSED) !== 0 || isAfter(word, Kind.rst, isReply)) return TcpOutcome.anew;
    next = IGNORE;
  }
  if (next === IGNORE) {
    // An answer to a SYN that was ignored: the two sides agree, and we were wrong.
    const isAgreed = kind === Kind.synAck && isAfter(word, Kind.syn, !isReply);
    return (isAgreed ? TcpState.synReceived : state) | last | happened;
  }
  if (next === TcpState.synSent2) happened |= WAS_OPENED_TWICE;
  else if (next === TcpState.finWait && state !== TcpState.finWait) happened |= WAS_CLOSED;
  else if (
    next === TcpState.synReceived && isReply && kind === Kind.ack &&
    (word & WAS_OPENED_TWICE) !== 0
  ) next = TcpState.established;
  return next | last | happened;
}

/** Whether the last packet was of this kind and from this side. */
function isAfter(word: number, kind: number, isReply: boolean): boolean {
  return (word & (LAST_BITS | LAST_IS_REPLY)) ===
    ((kind << LAST_SHIFT) | (isReply ? LAST_IS_REPLY : 0));
}

/** `Kind` by the six flags. */
const KIND_OF_FLAGS: Uint8Array = Uint8Array.from({ length: 64 }, (_, flags) => {
  if (flags & TcpFlag.rst) return Kind.rst;
  if (flags & TcpFlag.syn) return flags & TcpFlag.ack ? Kind.synAck : Kind.syn;
  if (flags & TcpFlag.fin) return Kind.fin;
  return flags & TcpFlag.ack ? Kind.ack : Kind.none;
});

function kindOf(flags: number): number {
  return KIND_OF_FLAGS[flags & 63];
}
