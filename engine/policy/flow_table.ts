/**
 * Connections, as far as a verdict needs them: who opened one, whether it was answered, and what
 * the rules said of it. It follows the kernel's connection tracking (net/netfilter/nf_conntrack_*),
 * so that a rule speaks of who opened the connection in the matcher as in the kernel.
 *
 * Bounded: a fixed array of entries in sets of four; a full set gives up its oldest.
 */
import { maskWord, type Prefix } from "../net/address.ts";
import { type ParsedPacket, Protocol, TcpFlag } from "../packet/packet.ts";
import { type FlowKey, swapPorts } from "./flow_key.ts";
import { ANSWERED, timeoutOf } from "./flow_timeout.ts";
import { acknowledges, isSynAck, withAnswer } from "./handshake.ts";
import { randomWord } from "./random_word.ts";
import { beginTcp, followTcp, TcpOutcome, TcpState, tcpStateOf } from "./tcp_state.ts";

/** What a packet is to its connection; the names of `--ctstate` and `--ctdir`. */
export const FlowState = {
  /** The first packet, or one more before any answer. */
  new: 0,
  /** In the direction of the one who opened it, answered before. */
  established: 1,
  /** An answer. */
  reply: 2,
  /** TCP that its connection has no place for. */
  invalid: 3,
} as const;

/** Words of an entry: a set of four takes two or three cache lines, which lie together. */
const STRIDE = 8;
const WAYS = 4;
const KIND = 0; // family << 8 | protocol; 0: the entry is free
const PORTS = 1; // as in FlowKey, in the opener's orientation
const SOURCE = 2; // the first word of the opener's address
const DESTINATION = 3;
const SEEN = 4; // seconds, when a packet of it last passed by
const STATE = 5; // ANSWERED, and the tracking word of TCP
const VERDICT = 6;
const GENERATION = 7;

/** Words 1 to 3 of both addresses lie apart: IPv4 needs none of them. */
const TAIL_STRIDE = 6;
const SOURCE_TAIL = 0;
const DESTINATION_TAIL = 3;

const NONE = -1;

/** Packets that `fetch` takes at once. */
const AHEAD = 32;

/** A fixed-size table of connections. */
export class FlowTable {
  readonly #words: Int32Array;
  readonly #tails: Int32Array;
  readonly #setMask: number;
  readonly #seed: number;
  /** The entry of the packet that `track` saw last; of no meaning while `#isNew`. */
  #slot = NONE;
  #isNew = false;
  /** The first entry of the set that was looked into last. */
  #set = 0;
  #isReverse = false;
  readonly #setsAhead = new Int32Array(AHEAD);
  /** Whether the packet that `track` saw completed a handshake that its sender began. */
  isHandshakeEnd = false;
  /** Of no meaning: what `fetch` reads goes somewhere, so that no compiler leaves the reading out. */
  fetched = 0;
  /** Living entries that gave way to newer ones. */
  evictions = 0;

  /**
   * @param capacity number of entries, a power of two; 56 bytes each, 32 where all is IPv4
   * @param seed without a secret one an attacker could choose connections that all fall into one set
   */
  constructor(capacity: number = 1 << 16, seed: number = randomWord()) {
    this.#words = new Int32Array(capacity * STRIDE);
    this.#tails = new Int32Array(capacity * TAIL_STRIDE);
    this.#setMask = capacity / WAYS - 1;
    this.#seed = seed;
  }

  /**
   * Reads the sets of packets that are tracked next, all at once: the memory's latency, which costs
   * more than all the rest, is then waited for once and not for each packet.
   */
  fetch(packets: readonly ParsedPacket[], count: number): void {
    const words = this.#words, sets = this.#setsAhead;
    count = Math.min(count, AHEAD);
    for (let at = 0; at < count; at++) {
      const { sourcePort, destinationPort } = packets[at];
      sets[at] = this.#setOf(packets[at], (sourcePort << 16) | destinationPort);
    }
    let sum = 0;
    // Nothing else is done here: the fewer instructions, the more reads run beside each other.
    for (let at = 0; at < count; at++) {
      const set = sets[at];
      sum ^= words[set] ^ words[set + 2 * STRIDE] ^ words[set + 4 * STRIDE - 1];
    }
    this.fetched = sum;
  }

  /**
   * Finds the packet's connection and says what the packet is to it.
   *
   * A new connection is not added here: `commit` does that once the packet passes, as the kernel
   * confirms a connection only after its first packet passed.
   */
  track(packet: ParsedPacket, key: FlowKey): number {
    this.#find(packet, key);
    const slot = this.#slot;
    this.#isNew = slot === NONE || this.#isOver(slot, packet);
    this.isHandshakeEnd = false;
    if (this.#isNew) return FlowState.new;
    return this.#advance(slot, packet);
  }

  /**
   * Whether the table knows the connection of a packet that an ICMP error quotes, and whether the
   * quoted packet came from the opener: then the error travels to the opener, as a reply does.
   *
   * @returns `reply`, `established` (the error travels with the opener's packets) or -1
   */
  trackQuoted(quoted: ParsedPacket, key: FlowKey): number {
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
    words[at + DESTINATION] = packet.destination0;
    words[at + SEEN] = packet.seconds;
    words[at + STATE] = packet.protocol === Protocol.tcp ? beginTcp(packet.tcpFlags) : 0;
    words[at + VERDICT] = verdict;
    words[at + GENERATION] = generation;
    if (packet.family === 6) this.#writeTails(at, packet);
  }

  #writeTails(at: number, packet: ParsedPacket): void {
    const tails = this.#tails, tail = tailOf(at);
    tails[tail + SOURCE_TAIL] = packet.source1;
    tails[tail + SOURCE_TAIL + 1] = packet.source2;
    tails[tail + SOURCE_TAIL + 2] = packet.source3;
    tails[tail + DESTINATION_TAIL] = packet.destination1;
    tails[tail + DESTINATION_TAIL + 1] = packet.destination2;
    tails[tail + DESTINATION_TAIL + 2] = packet.destination3;
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

  /**
   * Whether a living connection leads to an address of this prefix, and was answered from there: no
   * stranger can bring that about by forging packets. Looks through the whole table.
   *
   * @param now seconds since 1970
   */
  leadsTo(prefix: Prefix, now: number): boolean {
    const words = this.#words;
    for (let at = 0; at < words.length; at += STRIDE) {
      const kind = words[at + KIND], state = words[at + STATE];
      if (kind >>> 8 !== prefix.family || (state & ANSWERED) === 0) continue;
      if (!this.#isDestinationIn(at, prefix) || !isConversation(kind & 255, state)) continue;
      if (now - words[at + SEEN] <= timeoutOf(kind & 255, state)) return true;
    }
    return false;
  }

  #isDestinationIn(at: number, { family, words, length }: Prefix): boolean {
    if (((this.#words[at + DESTINATION] ^ words[0]) & maskWord(length)) !== 0) return false;
    if (family === 4) return true;
    const tails = this.#tails, tail = tailOf(at) + DESTINATION_TAIL;
    return ((tails[tail] ^ words[1]) & maskWord(length - 32)) === 0 &&
      ((tails[tail + 1] ^ words[2]) & maskWord(length - 64)) === 0 &&
      ((tails[tail + 2] ^ words[3]) & maskWord(length - 96)) === 0;
  }

  /** Sets the slot and its orientation. */
  #find(packet: ParsedPacket, key: FlowKey): void {
    const words = this.#words, kind = kindOf(packet), ports = key.ports;
    const reversePorts = swapPorts(packet.protocol, ports);
    const { source0, destination0 } = packet;
    const set = this.#set = this.#setOf(packet, ports);
    for (let at = set; at < set + WAYS * STRIDE; at += STRIDE) {
      if (words[at + KIND] !== kind) continue;
      if (
        key.mayOpen && words[at + PORTS] === ports && words[at + SOURCE] === source0 &&
        words[at + DESTINATION] === destination0 &&
        (packet.family === 4 || this.#hasTails(at, SOURCE_TAIL, DESTINATION_TAIL, packet))
      ) {
        this.#slot = at;
        this.#isReverse = false;
        return;
      }
      if (
        key.mayReply && words[at + PORTS] === reversePorts && words[at + SOURCE] === destination0 &&
        words[at + DESTINATION] === source0 &&
        (packet.family === 4 || this.#hasTails(at, DESTINATION_TAIL, SOURCE_TAIL, packet))
      ) {
        this.#slot = at;
        this.#isReverse = true;
        return;
      }
    }
    this.#slot = NONE;
  }

  /** Whether words 1 to 3 are the packet's; word 0 was compared before. */
  #hasTails(at: number, source: number, destination: number, packet: ParsedPacket): boolean {
    const tails = this.#tails;
    source += tailOf(at);
    destination += tailOf(at);
    return tails[source] === packet.source1 && tails[source + 1] === packet.source2 &&
      tails[source + 2] === packet.source3 && tails[destination] === packet.destination1 &&
      tails[destination + 1] === packet.destination2 &&
      tails[destination + 2] === packet.destination3;
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

  /** Whether the entry's connection was silent for so long that this packet begins another. */
  #isOver(at: number, packet: ParsedPacket): boolean {
    const age = packet.seconds - this.#words[at + SEEN];
    return age > timeoutOf(packet.protocol, this.#words[at + STATE]);
  }

  #advance(at: number, packet: ParsedPacket): number {
    const words = this.#words;
    const wasAnswered = (words[at + STATE] & ANSWERED) !== 0;
    if (packet.protocol === Protocol.tcp && packet.hasTcpFlags) {
      const followed = followTcp(words[at + STATE], packet.tcpFlags, this.#isReverse);
      if (followed === TcpOutcome.invalid) return FlowState.invalid;
      if (followed === TcpOutcome.anew) {
        words[at + KIND] = 0;
        this.#isNew = true;
        return FlowState.new;
      }
      this.isHandshakeEnd = !this.#isReverse &&
        acknowledges(packet, words[at + STATE]) &&
        tcpStateOf(words[at + STATE]) === TcpState.synReceived &&
        tcpStateOf(followed) === TcpState.established;
      words[at + STATE] = this.#isReverse && isSynAck(packet)
        ? withAnswer(followed, packet.tcpSequence)
        : followed;
      // The kernel forgets a connection that was reset before any answer.
      if ((packet.tcpFlags & TcpFlag.rst) !== 0 && !wasAnswered) words[at + KIND] = 0;
    }
    words[at + SEEN] = packet.seconds;
    if (this.#isReverse) {
      words[at + STATE] |= ANSWERED;
      return FlowState.reply;
    }
    return wasAnswered ? FlowState.established : FlowState.new;
  }

  /** A free entry of the set, or its oldest. */
  #place(now: number): number {
    const words = this.#words, set = this.#set;
    let oldest = set;
    for (let at = set; at < set + WAYS * STRIDE; at += STRIDE) {
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

/** Whether both sides speak to each other, by TCP or UDP: not a refusal, nor the echo of a ping. */
function isConversation(protocol: number, state: number): boolean {
  if (protocol !== Protocol.tcp) return protocol === Protocol.udp;
  const tcp = tcpStateOf(state);
  return tcp >= TcpState.established && tcp <= TcpState.timeWait;
}

/** Where an entry's words 1 to 3 are. */
function tailOf(at: number): number {
  return (at / STRIDE) * TAIL_STRIDE;
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
