/** Random conversations: single strange packets, and whole dialogues with strange packets in them. */
import fc from "fast-check";
import { TcpFlag } from "../../engine/packet/packet.ts";
import type {
  AddressChoice,
  Conversation,
  ErrorMove,
  Move,
  PortChoice,
  SendMove,
  Shape,
} from "./conversation.ts";

const { fin: FIN, syn: SYN, rst: RST, psh: PSH, ack: ACK, urg: URG } = TcpFlag;

const address: fc.Arbitrary<AddressChoice> = fc.record(
  {
    pick: fc.nat(9999),
    edge: fc.constantFrom("first", "last", "before", "after", "inside", "inside", "anywhere"),
    bits: fc.integer(),
  } as const,
);

const port: fc.Arbitrary<PortChoice> = fc.record(
  {
    pick: fc.nat(9999),
    edge: fc.constantFrom("before", "first", "last", "after", "number", "number"),
    port: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(0, 1, 65535) },
      { weight: 2, arbitrary: fc.integer({ min: 1000, max: 1040 }) },
      { weight: 3, arbitrary: fc.nat(65535) },
    ),
  } as const,
);

const plain: Shape = { options: 0, headers: [], cut: "none", headerBytes: undefined };

const shape: fc.Arbitrary<Shape> = fc.oneof(
  { weight: 30, arbitrary: fc.constant(plain) },
  {
    weight: 5,
    arbitrary: fc.record(
      {
        options: fc.nat(3),
        headers: fc.constantFrom<Shape["headers"][]>(
          [],
          ["hop"],
          ["destination"],
          ["routing"],
          ["hop", "destination"],
          ["hop", "routing", "destination"],
        ),
        cut: fc.constantFrom("none", "none", "none", "large", "large", "tiny"),
        headerBytes: fc.constant(undefined),
      } as const,
    ),
  },
  { weight: 1, arbitrary: fc.nat(20).map((headerBytes) => ({ ...plain, headerBytes })) },
);

/** What TCP sends, then what nobody should. */
const flags = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK),
  },
  { weight: 1, arbitrary: fc.constantFrom(SYN | URG, FIN | ACK | URG, ACK | URG, PSH | URG | ACK) },
  { weight: 2, arbitrary: fc.nat(255) },
);

const data = fc.oneof(fc.constant(0), fc.nat(40));

const anySend: fc.Arbitrary<SendMove> = fc.record(
  {
    kind: fc.constant("send"),
    answers: fc.boolean(),
    flags,
    message: fc.oneof(fc.constant(0), fc.nat(20)),
    code: fc.constantFrom(0, 0, 0, 1, 255),
    data,
    shape,
  } as const,
);

const anyError: fc.Arbitrary<ErrorMove> = fc.record(
  {
    kind: fc.constant("error"),
    aboutAnswer: fc.boolean(),
    message: fc.nat(6),
    code: fc.nat(4),
    router: fc.option(address, { nil: undefined, freq: 2 }),
    twist: fc.constantFrom("none", "none", "none", "port", "source"),
    quoted: fc.constantFrom(8, 8, 64),
  } as const,
);

/** What is said in order, as `[whether it is an answer, TCP flags, index of the ICMP message]`. */
const SCRIPT: readonly (readonly [answers: boolean, flags: number, message: number])[] = [
  [false, SYN, 0],
  [true, SYN | ACK, 1],
  [false, ACK, 0],
  [false, PSH | ACK, 0],
  [true, ACK, 1],
  [true, PSH | ACK, 1],
  [false, ACK, 0],
  [false, FIN | ACK, 0],
  [true, FIN | ACK, 1],
  [false, ACK, 0],
  [false, SYN, 0],
  [true, SYN | ACK, 1],
  [false, ACK, 0],
];

function scripted(length: number, bytes: number, shape: Shape): SendMove[] {
  return SCRIPT.slice(0, length).map(([answers, flags, message]) => ({
    kind: "send",
    answers,
    flags,
    message,
    code: 0,
    data: (flags & PSH) !== 0 ? bytes : 0,
    shape,
  }));
}

const anyMove: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: anySend },
  { weight: 1, arbitrary: anyError },
);

/** A good beginning, then anything. */
const moves = fc.record({
  length: fc.oneof(fc.constantFrom(0, 1, 2, 3), fc.nat(SCRIPT.length)),
  bytes: fc.nat(40),
  shape,
  then: fc.array(anyMove, { maxLength: 4 }),
}).map(({ length, bytes, shape, then }) => [...scripted(length, bytes, shape), ...then])
  .filter((moves) => moves.length > 0);

/**
 * Protocols beside TCP, UDP and ICMP. ICMP of the other family is among them. Not among them is
 * what connection tracking knows more of than the matcher: SCTP, DCCP, UDP-Lite and the GRE of PPTP;
 * nor AH, behind which iptables finds TCP in one of its two backends alone (docs/architecture.md).
 */
const OTHER_PROTOCOLS = [1, 2, 4, 41, 47, 50, 58, 59, 89, 103, 253] as const;

/** A conversation. */
export const arbitraryConversation: fc.Arbitrary<Conversation> = fc.record(
  {
    way: fc.constantFrom("in", "in", "out", "forward"),
    family: fc.constantFrom(4, 4, 6),
    source: address,
    destination: address,
    protocol: fc.oneof(
      { weight: 6, arbitrary: fc.constant("tcp") },
      { weight: 4, arbitrary: fc.constant("udp") },
      { weight: 3, arbitrary: fc.constant("icmp") },
      { weight: 1, arbitrary: fc.constantFrom(...OTHER_PROTOCOLS) },
    ),
    sourcePort: port,
    destinationPort: port,
    moves,
  } as const,
);
