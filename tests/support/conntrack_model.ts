/**
 * The kernel's connection tracking, as far as rules can see it, written to be obviously right and
 * not to be fast: a map of texts. No clock (nothing expires), no sequence numbers (windows are not
 * followed), no helpers, no NAT. After net/netfilter/nf_conntrack_core.c and nf_conntrack_proto_*.c
 * of Linux 6.
 */
import { decodeIp } from "../../engine/packet/decode.ts";
import { formatAddress } from "../../engine/net/address.ts";
import { DecodeResult, ParsedPacket, Protocol, TcpFlag } from "../../engine/packet/packet.ts";

/** What `--ctstate` calls a packet. */
export type CtState = "NEW" | "ESTABLISHED" | "RELATED" | "INVALID" | "UNTRACKED";

/** What the rules see of a packet's connection. */
export interface Tracked {
  readonly state: CtState;
  /** `--ctdir`; none without a connection. */
  readonly direction?: "ORIGINAL" | "REPLY";
  /** `--ctorigdstport`. */
  readonly originalPort?: number;
  /** The connection, which rules may mark; none where there is none. */
  readonly connection?: Connection;
  /** A connection that this packet begins; it is remembered once the packet passed. */
  readonly begun?: Connection;
}

/** What the kernel remembers of a connection. */
export interface Connection {
  readonly original: Tuple;
  readonly tcp: TcpTracking;
  isAnswered: boolean;
  /** All 32 bits, unsigned. */
  mark: number;
}

/** One direction of a connection. */
interface Tuple {
  readonly text: string;
  /** The text of the opposite direction; none where there can be no answer. */
  readonly reverse: string | undefined;
  readonly destination: string;
  readonly destinationPort: number;
}

const INVALID: Tracked = { state: "INVALID" };
const UNTRACKED: Tracked = { state: "UNTRACKED" };

/** Connections, and what each packet is to them. */
export class ConntrackModel {
  readonly #connections = new Map<string, Connection>();

  /** Looks at a packet that no rule of `raw` dropped. */
  track(packet: ParsedPacket, view: DataView): Tracked {
    if (isCutInHeaders(packet)) return INVALID;
    const early = this.#trackIcmp(packet, view);
    if (early) return early;
    const tuple = tupleOf(packet);
    if (!tuple || isTooShort(packet)) return INVALID;
    const isIcmpAstray =
      packet.protocol === (packet.family === 4 ? Protocol.icmpv6 : Protocol.icmp);
    if (isIcmpAstray) return INVALID;
    return this.#trackTuple(packet, tuple);
  }

  /** The packet passed all rules. */
  confirm({ begun }: Tracked): void {
    if (!begun || this.#connections.has(begun.original.text)) return;
    this.#connections.set(begun.original.text, begun);
  }

  #trackTuple(packet: ParsedPacket, tuple: Tuple): Tracked {
    const found = this.#find(tuple.text);
    if (!found) return begin(packet, tuple);
    const { connection, isReply } = found;
    if (packet.protocol === Protocol.tcp) {
      const outcome = connection.tcp.follow(packet.tcpFlags, isReply, connection.isAnswered);
      if (outcome === "invalid") return INVALID;
      if (outcome === "gone") this.#connections.delete(connection.original.text);
      if (outcome === "anew") {
        this.#connections.delete(connection.original.text);
        return this.#trackTuple(packet, tuple);
      }
    }
    const originalPort = connection.original.destinationPort;
    if (isReply) {
      connection.isAnswered = true;
      return { state: "ESTABLISHED", direction: "REPLY", originalPort, connection };
    }
    const state = connection.isAnswered ? "ESTABLISHED" : "NEW";
    return { state, direction: "ORIGINAL", originalPort, connection };
  }

  #find(text: string): { connection: Connection; isReply: boolean } | undefined {
    const original = this.#connections.get(text);
    if (original) return { connection: original, isReply: false };
    for (const connection of this.#connections.values()) {
      if (connection.original.reverse === text) return { connection, isReply: true };
    }
  }

  /** What is said of ICMP before any connection is looked for. */
  #trackIcmp(packet: ParsedPacket, view: DataView): Tracked | undefined {
    const { family, protocol, icmpType: type } = packet;
    if (family === 4 && protocol === Protocol.icmp) {
      if (packet.endOffset - packet.transportOffset < 8 || type > 18) return INVALID;
      return [3, 4, 5, 11, 12].includes(type) ? this.#trackError(packet, view) : undefined;
    }
    if (family === 6 && protocol === Protocol.icmpv6) {
      if (packet.endOffset - packet.transportOffset < 8) return INVALID;
      // Multicast listeners, router and neighbour discovery.
      if ((type >= 130 && type <= 136) || type === 143) return UNTRACKED;
      return type < 128 ? this.#trackError(packet, view) : undefined;
    }
  }

  /** An error belongs to the connection of the packet that it quotes, and goes to its sender. */
  #trackError(packet: ParsedPacket, view: DataView): Tracked {
    const quoted = new ParsedPacket();
    decodeIp(quoted, view, packet.transportOffset + 8, packet.endOffset);
    if (quoted.result !== DecodeResult.ok || quoted.family !== packet.family) return INVALID;
    if (quoted.fragmentOffset > 0 || isCutInHeaders(quoted)) return INVALID;
    const tuple = tupleOf(quoted);
    const found = tuple?.reverse === undefined ? undefined : this.#find(tuple.reverse);
    if (!found || sourceOf(quoted) !== destinationOf(packet)) return INVALID;
    return {
      state: "RELATED",
      direction: found.isReply ? "REPLY" : "ORIGINAL",
      originalPort: found.connection.original.destinationPort,
      connection: found.connection,
    };
  }
}

function begin(packet: ParsedPacket, original: Tuple): Tracked {
  const tcp = new TcpTracking();
  if (packet.protocol === Protocol.tcp && !tcp.begin(packet.tcpFlags)) return INVALID;
  if (original.reverse === undefined || (isIcmp(packet) && !isRequest(packet))) return INVALID;
  const begun = { original, tcp, isAnswered: false, mark: 0 };
  const originalPort = original.destinationPort;
  return { state: "NEW", direction: "ORIGINAL", originalPort, connection: begun, begun };
}

function isIcmp({ protocol }: ParsedPacket): boolean {
  return protocol === Protocol.icmp || protocol === Protocol.icmpv6;
}

/** Next-header numbers of IPv6 that are no transport: the packet ends within its headers. */
function isCutInHeaders({ family, protocol }: ParsedPacket): boolean {
  return family === 6 && [0, 43, 44, 51, 59, 60].includes(protocol);
}

function isTooShort(packet: ParsedPacket): boolean {
  const length = packet.endOffset - packet.transportOffset;
  if (packet.protocol === Protocol.tcp) return length < 20;
  return packet.protocol === Protocol.udp && length < 8;
}

const ANSWER_TYPES: Record<number, ReadonlyMap<number, number>> = {
  [Protocol.icmp]: new Map([[8, 0], [13, 14], [15, 16], [17, 18]]),
  [Protocol.icmpv6]: new Map([[128, 129], [139, 140]]),
};

function isRequest({ protocol, icmpType }: ParsedPacket): boolean {
  return ANSWER_TYPES[protocol].has(icmpType);
}

function sourceOf({ family, source0, source1, source2, source3 }: ParsedPacket): string {
  return formatAddress(family as 4 | 6, source0, source1, source2, source3);
}

function destinationOf(packet: ParsedPacket): string {
  const { family, destination0, destination1, destination2, destination3 } = packet;
  return formatAddress(
    family as 4 | 6,
    destination0,
    destination1,
    destination2,
    destination3,
  );
}

/** `undefined` where a packet is too short to tell. */
function tupleOf(packet: ParsedPacket): Tuple | undefined {
  const { protocol } = packet;
  const source = sourceOf(packet), destination = destinationOf(packet);
  const text = (from: string, to: string, rest: string) => `${protocol} ${from} > ${to} ${rest}`;
  const tuple = (there: string, back: string | undefined, destinationPort = 0): Tuple => ({
    text: text(source, destination, there),
    reverse: back === undefined ? undefined : text(destination, source, back),
    destination,
    destinationPort,
  });
  if (protocol === Protocol.tcp || protocol === Protocol.udp) {
    if (!packet.hasPorts) return undefined;
    const { sourcePort: from, destinationPort: to } = packet;
    return tuple(`${from} ${to}`, `${to} ${from}`, to);
  }
  if (isIcmp(packet)) {
    const { icmpType: type, icmpCode: code, icmpId: id } = packet;
    const pairs = [...ANSWER_TYPES[protocol]];
    const pair = pairs.find((pair) => pair.includes(type));
    const other = pair && (pair[0] === type ? pair[1] : pair[0]);
    const back = other === undefined ? undefined : `${other} ${code} ${id}`;
    return tuple(`${type} ${code} ${id}`, back, (type << 8) | code);
  }
  return tuple("", "");
}

type TcpState = "NO" | "SS" | "SR" | "ES" | "FW" | "CW" | "LA" | "TW" | "CL" | "S2";
type TcpPacket = "syn" | "synack" | "fin" | "ack" | "rst" | "none";

const STATES: readonly TcpState[] = ["NO", "SS", "SR", "ES", "FW", "CW", "LA", "TW", "CL", "S2"];

/** `tcp_conntracks`: the next state by direction, packet and state; IG: ignored, IV: invalid. */
const TRANSITIONS: Record<"original" | "reply", Record<TcpPacket, string>> = {
  original: {
    //      NO SS SR ES FW CW LA TW CL S2
    syn: "SS SS IG IG IG IG IG SS SS S2",
    synack: "IV IV SR IV IV IV IV IV IV SR",
    fin: "IV IV FW FW LA LA LA TW CL IV",
    ack: "ES IV ES ES CW CW TW TW CL IV",
    rst: "IV CL CL CL CL CL CL CL CL CL",
    none: "IV IV IV IV IV IV IV IV IV IV",
  },
  reply: {
    syn: "IV S2 IV IV IV IV IV SS IV S2",
    synack: "IV SR IG IG IG IG IG IG IG SR",
    fin: "IV IV FW FW LA LA LA TW CL IV",
    ack: "IV IG SR ES CW CW TW TW CL IG",
    rst: "IV CL CL CL CL CL CL CL CL CL",
    none: "IV IV IV IV IV IV IV IV IV IV",
  },
};

const { fin: FIN, syn: SYN, rst: RST, psh: PSH, ack: ACK, urg: URG } = TcpFlag;

/** `tcp_valid_flags`, PSH left out. */
const VALID_FLAGS = [
  SYN,
  SYN | URG,
  SYN | ACK,
  RST,
  RST | ACK,
  FIN | ACK,
  FIN | ACK | URG,
  ACK,
  ACK | URG,
];

/** One TCP connection. */
class TcpTracking {
  #state: TcpState = "NO";
  #last: { packet: TcpPacket; isReply: boolean } = { packet: "none", isReply: false };
  #wasClosed = false;
  #wasOpenedTwice = false;

  /** Whether a connection may begin so. */
  begin(flags: number): boolean {
    const packet = tcpPacketOf(flags);
    const next = packet && nextState(packet, false, "NO");
    if (!packet || !next || next === "IV" || next === "IG") return false;
    this.#state = next;
    this.#last = { packet, isReply: false };
    return true;
  }

  /**
   * Follows a packet of the connection.
   *
   * @returns `gone`: the connection ends with it; `anew`: it belongs to another that it begins
   */
  follow(flags: number, isReply: boolean, isAnswered: boolean): "ok" | "invalid" | "gone" | "anew" {
    const packet = tcpPacketOf(flags);
    if (!packet) return "invalid";
    const last = this.#last;
    let next = nextState(packet, isReply, this.#state);
    if (next === "IV") return "invalid";
    const isOver = this.#state === "TW" || this.#state === "CL";
    if (next === "SS" && isOver) {
      if (this.#wasClosed || (last.packet === "rst" && last.isReply === isReply)) return "anew";
      next = "IG";
    }
    if (next === "IG") {
      const isAnswerToIgnored = packet === "synack" && last.packet === "syn" &&
        last.isReply !== isReply;
      if (!isAnswerToIgnored) {
        this.#last = { packet, isReply };
        return "ok";
      }
      next = "SR";
    }
    if (next === "S2") this.#wasOpenedTwice = true;
    if (next === "SR" && isReply && packet === "ack" && this.#wasOpenedTwice) next = "ES";
    if (next === "FW" && this.#state !== "FW") this.#wasClosed = true;
    this.#state = next as TcpState;
    this.#last = { packet, isReply };
    return packet === "rst" && !isAnswered ? "gone" : "ok";
  }
}

function tcpPacketOf(flags: number): TcpPacket | undefined {
  if (!VALID_FLAGS.includes(flags & 63 & ~PSH)) return undefined;
  if (flags & RST) return "rst";
  if (flags & SYN) return flags & ACK ? "synack" : "syn";
  if (flags & FIN) return "fin";
  return flags & ACK ? "ack" : "none";
}

function nextState(packet: TcpPacket, isReply: boolean, state: TcpState) {
  const row = TRANSITIONS[isReply ? "reply" : "original"][packet].split(" ");
  return row[STATES.indexOf(state)] as TcpState | "IG" | "IV";
}
