/**
 * Connections, as far as a verdict needs them: who opened one, whether it was answered, and what
 * the rules said of it. It follows the kernel's connection tracking (net/netfilter/nf_conntrack_*),
 * so that a rule speaks of who opened the connection in the matcher as in the kernel.
 *
 * Bounded: a fixed array of entries in sets of four; a full set gives up its oldest.
 */
import { type ParsedPacket, Protocol, TcpFlag } from "../packet/packet.ts";
import { type FlowKey, swapPorts } from "./flow_key.ts";

/** What a packet is to its connection; the names of `--ctstate` and `--ctdir`. */
export const FlowState = {
  /** The first packet, or one more before any answer. */
  new: 0,
  /** In the direction of the one who opened it, answered before. */
  established: 1,
  /** An answer. */
  reply: 2,
} as const;

/** Words of an entry: one cache line of 64 bytes. */
const STRIDE = 16;
const WAYS = 4;
const KIND = 0; // family << 8 | protocol; 0: the entry is free
const PORTS = 1; // as in FlowKey, in the opener's orientation
const SOURCE = 2; // four words, the opener's address
const DESTINATION = 6; // four words
const SEEN = 10; // seconds, when a packet of it last passed by
const STATE = 11; // bits below
const VERDICT = 12;
const GENERATION = 13;

const ANSWERED = 1, CLOSING = 2, CLOSED = 4;

/** Seconds without a packet after which the kernel forgets a connection: its defaults. */
const TIMEOUT = {
  tcpNew: 120,
  tcpEstablished: 432_000,
  tcpClosing: 120,
  tcpClosed: 10,
  udp: 30,
  udpStream: 120,
  icmp: 30,
  other: 600,
} as const;

const NONE = -1;

/** A fixed-size table of connections. */
export class FlowTable {
  readonly #words: Int32Array;
  readonly #setMask: number;
  readonly #seed: number;
  /** The entry of the packet that `track` saw last; of no meaning while `#isNew`. */
  #slot = NONE;
  #isNew = false;
  #set = 0;
  #isReverse = false;
  /** Living entries that gave way to newer ones. */
  evictions = 0;

  /** @param capacity number of entries, a power of two; 64 bytes each */
  constructor(capacity: number = 1 << 16) {
    this.#words = new Int32Array(capacity * STRIDE);
    this.#setMask = capacity / WAYS - 1;
    // Without a secret an attacker could choose connections that all fall into one set.
    this.#seed = crypto.getRandomValues(new Int32Array(1))[0];
  }

  /**
   * Finds the packet's connection and says what the packet is to it.
   *
   * A new connection is not added here: `commit` does that once the packet passes, as the kernel
   * confirms a connection only after its first packet passed.
   */
  track(packet: ParsedPacket, key: FlowKey): number {
    this.#set = this.#setOf(packet, key.ports);
    this.#find(packet, key);
    const slot = this.#slot;
    this.#isNew = slot === NONE || this.#isOver(slot, packet);
    if (this.#isNew) return FlowState.new;
    this.#words[slot + SEEN] = packet.seconds;
    return this.#advance(slot, packet);
  }

  /**
   * Whether the table knows the connection of a packet that an ICMP error quotes, and whether the
   * quoted packet came from the opener: then the error travels to the opener, as a reply does.
   *
   * @returns `reply`, `established` (the error travels with the opener's packets) or -1
   */
  trackQuoted(quoted: ParsedPacket, key: FlowKey): number {
    this.#set = this.#setOf(quoted, key.ports);
    this.#find(quoted, key);
    if (this.#slot === NONE || this.#isOver(this.#slot, quoted)) return NONE;
    this.#isNew = false;
    return this.#isReverse ? FlowState.established : FlowState.reply;
  }

  /** Whether the packet that `track` saw belongs to no connection in the table. */
  get isUnknown(): boolean {
    return this.#isNew;
  }

  /** Adds the connection that `track` found to be new, with what the rules said of it. */
  commit(packet: ParsedPacket, key: FlowKey, verdict: number, generation: number): void {
    if (!this.#isNew) return;
    const at = this.#slot === NONE ? this.#place(packet.seconds) : this.#slot;
    const words = this.#words;
    words[at + KIND] = kindOf(packet);
    words[at + PORTS] = key.ports;
    words[at + SOURCE] = packet.source0;
    words[at + SOURCE + 1] = packet.source1;
    words[at + SOURCE + 2] = packet.source2;
    words[at + SOURCE + 3] = packet.source3;
    words[at + DESTINATION] = packet.destination0;
    words[at + DESTINATION + 1] = packet.destination1;
    words[at + DESTINATION + 2] = packet.destination2;
    words[at + DESTINATION + 3] = packet.destination3;
    words[at + SEEN] = packet.seconds;
    words[at + STATE] = 0;
    words[at + VERDICT] = verdict;
    words[at + GENERATION] = generation;
  }

  /** What the rules said of the connection under this policy generation, or -1. */
  verdict(generation: number): number {
    if (this.#isNew || this.#words[this.#slot + GENERATION] !== generation) return NONE;
    return this.#words[this.#slot + VERDICT];
  }

  /** Keeps what the rules say of a known connection. */
  setVerdict(verdict: number, generation: number): void {
    if (this.#isNew) return;
    this.#words[this.#slot + VERDICT] = verdict;
    this.#words[this.#slot + GENERATION] = generation;
  }

  /** Sets the slot and its orientation. */
  #find(packet: ParsedPacket, key: FlowKey): void {
    const words = this.#words, kind = kindOf(packet), ports = key.ports;
    const reversePorts = swapPorts(packet.protocol, ports);
    const { source0, destination0 } = packet;
    let at = this.#set;
    for (let way = 0; way < WAYS; way++, at += STRIDE) {
      if (words[at + KIND] !== kind) continue;
      if (
        key.mayOpen && words[at + PORTS] === ports && words[at + SOURCE] === source0 &&
        words[at + DESTINATION] === destination0 &&
        (packet.family === 4 || sameTail(words, at + SOURCE, at + DESTINATION, packet))
      ) {
        this.#slot = at;
        this.#isReverse = false;
        return;
      }
      if (
        key.mayReply && words[at + PORTS] === reversePorts && words[at + SOURCE] === destination0 &&
        words[at + DESTINATION] === source0 &&
        (packet.family === 4 || sameTail(words, at + DESTINATION, at + SOURCE, packet))
      ) {
        this.#slot = at;
        this.#isReverse = true;
        return;
      }
    }
    this.#slot = NONE;
  }

  /** The set is the same for both directions: the halves are mixed alike and added. */
  #setOf(packet: ParsedPacket, ports: number): number {
    const seed = this.#seed;
    const isIcmp = packet.protocol === Protocol.icmp || packet.protocol === Protocol.icmpv6;
    let source = packet.source0, destination = packet.destination0;
    if (packet.family === 6) {
      source = fold(source, packet.source1, packet.source2, packet.source3);
      destination = fold(
        destination,
        packet.destination1,
        packet.destination2,
        packet.destination3,
      );
    }
    const sourcePort = isIcmp ? ports : ports >>> 16;
    const destinationPort = isIcmp ? ports : ports & 0xffff;
    let hash = (mix(source, sourcePort, seed) + mix(destination, destinationPort, seed)) | 0;
    hash = Math.imul(hash ^ (hash >>> 15) ^ packet.protocol, 0x2c1b3c6d);
    return ((hash ^ (hash >>> 13)) & this.#setMask) * (WAYS * STRIDE);
  }

  /** Whether the entry's connection has ended, so that this packet begins another. */
  #isOver(at: number, packet: ParsedPacket): boolean {
    const state = this.#words[at + STATE];
    if (packet.seconds - this.#words[at + SEEN] > timeoutOf(packet.protocol, state)) return true;
    // A port may be used again at once after a close.
    return (state & (CLOSING | CLOSED)) !== 0 &&
      (packet.tcpFlags & (TcpFlag.syn | TcpFlag.ack)) === TcpFlag.syn;
  }

  #advance(at: number, packet: ParsedPacket): number {
    const words = this.#words;
    const wasAnswered = (words[at + STATE] & ANSWERED) !== 0;
    if (packet.protocol === Protocol.tcp && packet.hasTcpFlags) {
      if (packet.tcpFlags & TcpFlag.rst) {
        // The kernel forgets a connection whose only answer is a refusal.
        if (this.#isReverse && !wasAnswered) words[at + KIND] = 0;
        else words[at + STATE] |= CLOSED;
      } else if (packet.tcpFlags & TcpFlag.fin) words[at + STATE] |= CLOSING;
    }
    if (this.#isReverse) {
      words[at + STATE] |= ANSWERED;
      return FlowState.reply;
    }
    return wasAnswered ? FlowState.established : FlowState.new;
  }

  /** A free entry of the set, or its oldest. */
  #place(now: number): number {
    const words = this.#words;
    let oldest = this.#set;
    for (let way = 0, at = this.#set; way < WAYS; way++, at += STRIDE) {
      if (words[at + KIND] === 0) return at;
      if (words[at + SEEN] < words[oldest + SEEN]) oldest = at;
    }
    const protocol = words[oldest + KIND] & 255;
    if (now - words[oldest + SEEN] <= timeoutOf(protocol, words[oldest + STATE])) this.evictions++;
    return oldest;
  }
}

function kindOf(packet: ParsedPacket): number {
  return (packet.family << 8) | packet.protocol;
}

/** Words 1 to 3 of both addresses; word 0 was compared before. */
function sameTail(words: Int32Array, source: number, destination: number, packet: ParsedPacket) {
  return words[source + 1] === packet.source1 && words[source + 2] === packet.source2 &&
    words[source + 3] === packet.source3 && words[destination + 1] === packet.destination1 &&
    words[destination + 2] === packet.destination2 &&
    words[destination + 3] === packet.destination3;
}

function fold(w0: number, w1: number, w2: number, w3: number): number {
  let hash = Math.imul(w0, 0x9e3779b1) ^ w1;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ w2;
  return Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35) ^ w3;
}

function mix(address: number, port: number, seed: number): number {
  let hash = Math.imul(address ^ seed, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ port, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function timeoutOf(protocol: number, state: number): number {
  const isAnswered = (state & ANSWERED) !== 0;
  switch (protocol) {
    case Protocol.tcp:
      if (state & CLOSED) return TIMEOUT.tcpClosed;
      if (state & CLOSING) return TIMEOUT.tcpClosing;
      return isAnswered ? TIMEOUT.tcpEstablished : TIMEOUT.tcpNew;
    case Protocol.udp:
      return isAnswered ? TIMEOUT.udpStream : TIMEOUT.udp;
    case Protocol.icmp:
    case Protocol.icmpv6:
      return TIMEOUT.icmp;
    default:
      return TIMEOUT.other;
  }
}
