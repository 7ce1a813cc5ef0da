/**
 * The programs that decide in the kernel which packets of a tap are handed over (`TapBudget`): one for
 * a packet socket, whose ring they go to, and one for an interface, which writes them to a ring itself.
 */
import { BpfAssembler, Helper, Register, Size } from "./bpf_assembler.ts";
import {
  ADDRESS,
  CAPTURED,
  FLAGS,
  INTERFACE,
  LENGTH as WIRE_LENGTH,
  NANOSECONDS,
  NEXT,
  OFFSETS,
  PACKET_HEADER,
  PACKET_OUTGOING,
  SECONDS,
  TAG_BIT,
  TYPE,
} from "./packet_block.ts";
import { Slot } from "./tap_budget.ts";

const { result, argument1, argument2, argument3, argument4, argument5, frame } = Register;
const { kept6, kept7, kept8, kept9 } = Register;

/** Fields of struct __sk_buff (linux/bpf.h). */
const LENGTH = 0, PACKET_TYPE = 4, PROTOCOL = 16, HAS_TAG = 20, INTERFACE_INDEX = 40;
/** A copy for this machine of what it sent to several (packet(7)), which no tap sees. */
const PACKET_LOOPBACK = 5;
/** EtherTypes in the order of the wire, as a little-endian processor reads them. */
const IPV4 = 0x0008, IPV6 = 0xdd86;
const TCP = 6;
/** BPF_HDR_START_NET: from the network header on. */
const NETWORK_HEADER = 1;
/** Where on the stack a byte is copied to. */
const COPY_AT = -8;
/** Bytes of Ethernet's header: tags that the kernel knows of lie beside the frame. */
const ETHERNET_BYTES = 14;
/**
 * The first byte of IPv4 and IPv6 tells the version in its upper half; of IPv4 the lower one tells the
 * header's words: without options, and what is above all that there can be.
 */
const V4_PLAIN = 0x45, V4_ABOVE = 0x50, VERSION = 0xf0, VERSION_6 = 0x60;
/** Offsets in the headers of IPv4 and IPv6 (RFC 791, RFC 8200), and bytes of those without options. */
const V4_WORDS = 15, V4_FRAGMENT = 6, V4_PROTOCOL = 9, V4_BYTES = 20, V6_NEXT = 6, V6_BYTES = 40;
/** In the header of TCP (RFC 9293). */
const TCP_FLAGS = 13;
/** The fragment's offset; FIN, SYN and RST. */
const FRAGMENT_OFFSET = 0x1fff, CONNECTION_FLAGS = 7;

/** Power of two: how far a processor's number is shifted to be the place of its slot. */
const SLOT_SHIFT = Math.log2(Slot.bytes);
const NANOSECONDS_PER_SECOND = 1e9;
/** What a classifier answers: the next one is asked (TCX_NEXT). */
const NEXT_CLASSIFIER = -1;

/** What both kinds of program are told. */
interface TapContents {
  /** Descriptor of the budget's memory. */
  readonly counters: number;
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  /** Packets begin with the network layer: no byte before it is counted or kept. */
  readonly isCooked: boolean;
}

/** Of a packet socket. */
export interface SocketContents extends TapContents {
  /** Index of the loopback device, whose packets come twice. */
  readonly loopback: number;
}

/** Of an interface and one direction. */
export interface InterfaceContents extends TapContents {
  /** Descriptor of the ring. */
  readonly ring: number;
  /** Whether it sees what this machine sends. */
  readonly isOutgoing: boolean;
  /** Bytes of the link layer's header. */
  readonly linkHeader: number;
}

/** Records are of one size, which divides that of the ring: so none begins at its end and ends at its beginning. */
export const RECORD_BYTES = 256;
/** Bytes that the kernel puts before each record: its length and a place. */
export const RECORD_PREFIX = 8;
/** The most that is kept of a packet. */
export const MOST_KEPT = RECORD_BYTES - RECORD_PREFIX - PACKET_HEADER;

/**
 * Answers how many bytes of a packet are kept: none of one that is only counted. While there is
 * budget nobody looks into a packet.
 */
export function socketProgram({ counters, snaplen, isCooked, loopback }: SocketContents) {
  const program = new BpfAssembler();
  program.copy(kept6, argument1)
    .load(Size.word, argument2, kept6, PACKET_TYPE)
    .jumpIfNot(argument2, PACKET_OUTGOING, "once")
    .load(Size.word, argument2, kept6, INTERFACE_INDEX)
    .jumpIfEqual(argument2, loopback, "leave")
    .place("once");
  findSlot(program, counters);
  decide(program, isCooked ? 0 : ETHERNET_BYTES);
  program.place("keep")
    .answer(snaplen)
    .place("count");
  findLength(program, isCooked, 0);
  return count(program).place("leave").answer(0).assemble();
}

/**
 * Writes what is kept to the ring as packet sockets would, and lets every packet go its way.
 */
export function interfaceProgram(tap: InterfaceContents): Uint8Array<ArrayBuffer> {
  const { counters, isCooked, isOutgoing, linkHeader } = tap;
  const program = new BpfAssembler();
  program.copy(kept6, argument1);
  if (!isOutgoing) {
    program.load(Size.word, argument2, kept6, PACKET_TYPE)
      .jumpIfEqual(argument2, PACKET_LOOPBACK, "leave");
  }
  findSlot(program, counters);
  program.load(Size.word, argument1, kept7, Slot.open)
    .jumpIfEqual(argument1, 0, "leave");
  decide(program, linkHeader);
  program.place("keep");
  write(program, tap);
  program.jump("leave")
    .place("count");
  findLength(program, isCooked, linkHeader);
  return count(program).place("leave").answer(NEXT_CLASSIFIER).assemble();
}

/**
 * Goes to "keep" or to "count". The context has to be in `kept6`, this processor's slot in `kept7`.
 *
 * @param network where in the packet the network layer begins
 */
function decide(program: BpfAssembler, network: number): void {
  program.load(Size.word, argument1, kept7, Slot.left)
    .jumpIfEqual(argument1, 0, "beyond")
    .add(argument1, -1)
    .store(Size.word, kept7, Slot.left, argument1)
    .jump("keep")
    .place("beyond");
  findFlags(program, network);
  program.place("flags")
    .jumpIfAnyBit(result, CONNECTION_FLAGS, "keep")
    .jump("count");
}

/** Counts the packet, its bytes in `argument1`. */
function count(program: BpfAssembler): BpfAssembler {
  return program.set(argument2, 1)
    .addInMemory(kept7, Slot.packets, argument2)
    .addInMemory(kept7, Slot.packetBytes, argument1);
}

/** Writes a record. Where there is no room the packet is a loss. */
function write(
  program: BpfAssembler,
  { ring, snaplen, isCooked, isOutgoing, linkHeader }: InterfaceContents,
) {
  const word = (at: number, register: number) => program.store(Size.word, kept9, 4 * at, register);
  const constant = (at: number, value: number) => {
    program.set(argument1, value);
    word(at, argument1);
  };
  program.map(argument1, ring)
    .set(argument2, RECORD_BYTES - RECORD_PREFIX)
    .set(argument3, 0)
    .call(Helper.ringReserve)
    .jumpIfNot(result, 0, "room")
    .set(argument1, 1)
    .addInMemory(kept7, Slot.lost, argument1)
    .jump("leave")
    .place("room")
    .copy(kept9, result)
    .call(Helper.monotonicTime)
    .load(Size.double, argument1, kept7, Slot.clock)
    .addRegister(result, argument1)
    .copy(argument1, result)
    .divide(argument1, NANOSECONDS_PER_SECOND);
  word(SECONDS, argument1);
  program.multiply(argument1, NANOSECONDS_PER_SECOND)
    .subtractRegister(result, argument1);
  word(NANOSECONDS, result);
  constant(NEXT, RECORD_BYTES);
  constant(OFFSETS, PACKET_HEADER);
  program.load(Size.word, argument1, kept6, HAS_TAG)
    .shiftLeft(argument1, TAG_BIT);
  word(FLAGS, argument1);
  // In the upper halves of their words, as in struct sockaddr_ll.
  program.load(Size.word, argument1, kept6, PROTOCOL)
    .shiftLeft(argument1, 16);
  word(ADDRESS, argument1);
  program.load(Size.word, argument1, kept6, INTERFACE_INDEX);
  word(INTERFACE, argument1);
  if (isOutgoing) program.set(argument1, PACKET_OUTGOING);
  else program.load(Size.word, argument1, kept6, PACKET_TYPE);
  program.shiftLeft(argument1, 16);
  word(TYPE, argument1);
  constant(CAPTURED, 0);
  program.load(Size.word, kept8, kept6, LENGTH);
  if (isCooked) cutHeader(program, kept8, linkHeader, "kept");
  word(WIRE_LENGTH, kept8);
  program.jumpIfLess(kept8, snaplen, "whole")
    .set(kept8, snaplen)
    .place("whole")
    // Not "is 0", from which older kernels do not conclude that it is more.
    .jumpIfLess(kept8, 1, "written")
    .copy(argument1, kept6)
    .set(argument2, isCooked ? linkHeader : 0)
    .copy(argument3, kept9)
    .add(argument3, PACKET_HEADER)
    .copy(argument4, kept8)
    .call(Helper.loadBytes);
  program.jumpIfNot(result, 0, "written");
  word(CAPTURED, kept8);
  program.place("written")
    .copy(argument1, kept9)
    .set(argument2, 0)
    .call(Helper.ringSubmit);
}

/** Takes the bytes of the link layer's header from a length. @param next what comes behind it */
function cutHeader(program: BpfAssembler, length: number, linkHeader: number, next: string): void {
  program.jumpIfLess(length, linkHeader, next)
    .add(length, -linkHeader)
    .place(next);
}

/**
 * The byte of TCP's flags to `result`, or to "count" with what has none; what is cut off
 * before them is kept. Packets are read where they lie, which costs a fraction of a call.
 *
 * @param network where in the packet the network layer begins. What cannot be a header there is
 *   kept: on some devices a tag lies before it, without being told of
 */
function findFlags(program: BpfAssembler, network: number): void {
  program.load(Size.word, argument1, kept6, PROTOCOL)
    .load(Size.word, argument2, kept6, LENGTH)
    .jumpIfEqual(argument1, IPV4, "v4")
    .jumpIfNot(argument1, IPV6, "count")
    .jumpIfLess(argument2, network + V6_BYTES, "keep")
    .loadPacket(Size.byte, network)
    .and(result, VERSION)
    .jumpIfNot(result, VERSION_6, "keep")
    .loadPacket(Size.byte, network + V6_NEXT)
    .jumpIfNot(result, TCP, "count");
  loadFlags(program, network + V6_BYTES);
  program.place("v4")
    .jumpIfLess(argument2, network + V4_BYTES, "keep")
    .loadPacket(Size.byte, network)
    .copy(kept8, result)
    .jumpIfLess(kept8, V4_PLAIN, "keep")
    .jumpIfAtLeast(kept8, V4_ABOVE, "keep")
    .loadPacket(Size.byte, network + V4_PROTOCOL)
    .jumpIfNot(result, TCP, "count")
    .loadPacket(Size.half, network + V4_FRAGMENT)
    .jumpIfAnyBit(result, FRAGMENT_OFFSET, "count")
    .jumpIfNot(kept8, V4_PLAIN, "options");
  loadFlags(program, network + V4_BYTES);
  program.place("options");
  copyFlags(program);
}

/** To "flags" with those of a header that begins here, where the packet holds them. */
function loadFlags(program: BpfAssembler, tcp: number): void {
  program.load(Size.word, argument1, kept6, LENGTH)
    .jumpIfLess(argument1, tcp + TCP_FLAGS + 1, "keep")
    .loadPacket(Size.byte, tcp + TCP_FLAGS)
    .jump("flags");
}

/** The same behind IPv4's options, whose length the first byte tells, in `kept8`. */
function copyFlags(program: BpfAssembler): void {
  program.copy(argument1, kept6)
    .copy(argument2, kept8)
    .and(argument2, V4_WORDS)
    .shiftLeft(argument2, 2)
    .add(argument2, TCP_FLAGS)
    .copy(argument3, frame)
    .add(argument3, COPY_AT)
    .set(argument4, 1)
    .set(argument5, NETWORK_HEADER)
    .call(Helper.loadBytesRelative)
    .jumpIfNot(result, 0, "keep")
    .load(Size.byte, result, frame, COPY_AT);
}

/**
 * Bytes on the wire to `argument1`: a VLAN tag (4 bytes) is told beside the frame and was in it.
 *
 * @param linkHeader bytes before the network layer that are not counted where that comes first
 */
function findLength(program: BpfAssembler, isCooked: boolean, linkHeader: number): void {
  program.load(Size.word, argument1, kept6, LENGTH);
  if (isCooked) return cutHeader(program, argument1, linkHeader, "counted");
  program.load(Size.word, argument2, kept6, HAS_TAG)
    .shiftLeft(argument2, 2)
    .addRegister(argument1, argument2);
}

/** The address of this processor's counters to `kept7`. */
function findSlot(program: BpfAssembler, counters: number): void {
  program.call(Helper.processor)
    .and(result, Slot.count - 1)
    .shiftLeft(result, SLOT_SHIFT)
    .mapValue(kept7, counters)
    .addRegister(kept7, result);
}
