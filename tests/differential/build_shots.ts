/** Conversations under a policy to packets, bytes and all. */
import type { Family } from "../../engine/net/address.ts";
import { Protocol, TcpFlag } from "../../engine/packet/packet.ts";
import { type Choices, choicesOf, chooseAddress, choosePort, neighbour, same } from "./choices.ts";
import type { Conversation, ErrorMove, SendMove, Shape } from "./conversation.ts";
import {
  buildPacket,
  type BuiltPacket,
  icmpBytes,
  type PacketParts,
  tcpBytes,
  udpBytes,
  type Words,
} from "./packet_bytes.ts";
import type { PolicyText, Shot, Way } from "./scenario.ts";

/**
 * The packets of all conversations, one conversation after the other, numbered from 1. Left out are
 * those between two hosts of whom one was somewhere else before: no address is this machine's own at
 * one time and beyond it at another.
 */
export function buildShots(
  policy: PolicyText,
  conversations: readonly Conversation[],
): readonly Shot[] {
  const choices = choicesOf(policy);
  const shots: Shot[] = [];
  const places = new Map<string, string>();
  for (const conversation of conversations) {
    const speaker = new Speaker(choices, conversation);
    const [hosts, place] = speaker.whereabouts();
    if ((places.get(hosts) ?? place) !== place) continue;
    places.set(hosts, place);
    for (const move of conversation.moves) {
      const id = shots.length + 1;
      const made = move.kind === "send" ? speaker.send(move, id) : speaker.report(move, id);
      if (made) shots.push({ id, ...made });
    }
  }
  return shots;
}

interface Side {
  readonly address: Words;
  readonly port: number;
  readonly way: Way;
  /** Sequence number of the next byte. */
  next: number;
  last?: BuiltPacket;
}

/** ICMP messages: the request, its answer, others. */
const MESSAGES: Record<Family, readonly number[]> = {
  4: [8, 0, 13, 14, 17, 18, 15, 16, 9, 10, 30, 40, 255, 19, 1, 2, 6, 7],
  6: [128, 129, 139, 140, 130, 131, 132, 133, 134, 135, 136, 137, 138, 141, 143, 144, 200, 255],
};
const ERRORS: Record<Family, readonly number[]> = {
  4: [3, 11, 12, 4, 5, 3, 3],
  6: [1, 2, 3, 4, 1, 100, 5],
};

/** Options of IPv4: none, no operation, record route with room for one hop, router alert. */
const OPTIONS_4: readonly (readonly number[])[] = [
  [],
  [1, 1, 1, 0],
  [7, 7, 4, 0, 0, 0, 0, 0],
  [0x94, 4, 0, 0],
];

/** Headers that may be cut short. The kernel drops short ICMPv6 without a word. */
const HEADER_BYTES: Record<number, number> = {
  [Protocol.tcp]: 20,
  [Protocol.udp]: 8,
  [Protocol.icmp]: 8,
};

/** Bytes of data of a packet that is cut, and of the IP payload in each of its fragments. */
const LARGE_DATA = 1600, LARGE_CUT: Record<Family, number> = { 4: 528, 6: 1256 };
const TINY_DATA = 24, TINY_CUT = 8;

/** Both sides of one conversation. */
class Speaker {
  readonly #asks: Side;
  readonly #answers: Side;
  readonly #protocol: number;

  constructor(readonly choices: Choices, readonly conversation: Conversation) {
    const { way, family, protocol } = conversation;
    const source = chooseAddress(choices, family, conversation.source);
    const destination = chooseAddress(choices, family, conversation.destination);
    this.#asks = {
      address: source,
      port: choosePort(choices, conversation.sourcePort),
      way,
      next: 1_000_000,
    };
    this.#answers = {
      address: same(source, destination) ? neighbour(destination) : destination,
      port: choosePort(choices, conversation.destinationPort),
      way: ({ in: "out", out: "in", forward: "back" } as const)[way],
      next: 5_000_000,
    };
    const icmp = family === 4 ? Protocol.icmp : Protocol.icmpv6;
    this.#protocol = typeof protocol === "number"
      ? protocol
      : { tcp: Protocol.tcp, udp: Protocol.udp, icmp }[protocol];
  }

  /** The two hosts, and where each of them is. */
  whereabouts(): [hosts: string, places: string] {
    const sides = [this.#asks, this.#answers]
      .map(({ address, way }) => [address.join(" "), way])
      .sort(([a], [b]) => a < b ? -1 : 1);
    return [sides.map(([host]) => host).join(" and "), sides.map(([, way]) => way).join(" ")];
  }

  send(move: SendMove, id: number): Omit<Shot, "id"> {
    const [from, to] = move.answers ? [this.#answers, this.#asks] : [this.#asks, this.#answers];
    const { headerBytes = Infinity } = move.shape;
    // UDP says its length and is believed: see docs/architecture.md, "Where the matcher knows less".
    const isShort = headerBytes < (HEADER_BYTES[this.#protocol] ?? 0) && from.way !== "out";
    const payload = this.#payload(move, from, to).slice(0, isShort ? headerBytes : undefined);
    const built = this.#build(from.address, to.address, this.#protocol, payload, id, move.shape);
    from.last = built;
    return { way: from.way, ...built };
  }

  /** An ICMP error; `undefined` where the side said nothing yet. */
  report(move: ErrorMove, id: number): Omit<Shot, "id"> | undefined {
    const { family } = this.conversation;
    const [author, other] = move.aboutAnswer
      ? [this.#answers, this.#asks]
      : [this.#asks, this.#answers];
    if (!author.last) return undefined;
    const quoted = twist([...author.last.whole], move, this.conversation);
    const from = move.router ? chooseAddress(this.choices, family, move.router) : other.address;
    if (same(from, author.address)) return undefined;
    const protocol = family === 4 ? Protocol.icmp : Protocol.icmpv6;
    const type = ERRORS[family][move.message % ERRORS[family].length];
    const payload = icmpBytes(type, move.code, 0, quoted);
    const built = this.#build(from, author.address, protocol, payload, id, undefined);
    return { way: other.way, ...built };
  }

  #payload(move: SendMove, from: Side, to: Side): number[] {
    const { family } = this.conversation;
    const length = { none: move.data, tiny: TINY_DATA, large: LARGE_DATA }[this.#cutOf(move.shape)];
    const data = Array<number>(length).fill(0x61);
    const { flags } = move;
    switch (this.conversation.protocol) {
      case "tcp": {
        const sequence = from.next;
        from.next += (flags & (TcpFlag.syn | TcpFlag.fin) ? 1 : 0) + data.length;
        const acknowledgement = flags & TcpFlag.ack ? to.next : 0;
        const [sourcePort, destinationPort] = [from.port, to.port];
        return tcpBytes({ sourcePort, destinationPort, sequence, acknowledgement, flags, data });
      }
      case "udp":
        return udpBytes(from.port, to.port, data);
      case "icmp": {
        const type = MESSAGES[family][move.message % MESSAGES[family].length];
        // Both sides name the one who asked.
        return icmpBytes(type, move.code, this.#asks.port, data);
      }
      default:
        return [0, 0, 0, 0, 0, 0, 0, 0, ...data];
    }
  }

  #build(
    source: Words,
    destination: Words,
    protocol: number,
    payload: readonly number[],
    id: number,
    shape: Shape | undefined,
  ): BuiltPacket {
    const { family } = this.conversation;
    const parts: PacketParts = { family, source, destination, id, protocol, payload };
    if (!shape) return buildPacket(parts);
    return buildPacket({
      ...parts,
      options: OPTIONS_4[shape.options % OPTIONS_4.length],
      headers: shape.headers,
      fragmentBytes: { none: 0, tiny: TINY_CUT, large: LARGE_CUT[family] }[this.#cutOf(shape)],
    });
  }

  /** Of TCP in tiny fragments the matcher sees no flags, and the kernel wants no such IPv6. */
  #cutOf({ cut }: Shape): Shape["cut"] {
    if (cut !== "tiny") return cut;
    return this.conversation.family === 4 && this.#protocol !== Protocol.tcp ? "tiny" : "large";
  }
}

/** The part of a packet that an error quotes, perhaps changed. */
function twist(
  packet: number[],
  { twist, quoted }: ErrorMove,
  { family, protocol }: Conversation,
): number[] {
  const header = family === 4 ? (packet[0] & 15) << 2 : 40;
  if (twist === "port" && typeof protocol !== "number") packet[header + 1] ^= 1;
  if (twist === "source") packet[family === 4 ? 15 : 23] ^= 1;
  return packet.slice(0, header + quoted);
}
