/**
 * How many packets a tap takes while the kernel enforces. Each packet that a tap takes costs the
 * connection that it belongs to; what it is, the kernel's chains decide without us. So a small
 * program in the kernel hands over so many, and counts the others where they are: their number and
 * bytes stay exact. Beginnings and ends of TCP connections are always handed over, for they tell who
 * opened what and who scans or floods.
 */
import { SharedMap, SocketProgram } from "./bpf.ts";
import { BpfAssembler, Helper, Register, Size } from "./bpf_assembler.ts";

const { result, argument1, argument2, argument3, argument4, argument5, kept6, kept7, frame } =
  Register;

/** Fields of struct __sk_buff (linux/bpf.h). */
const LENGTH = 0, PACKET_TYPE = 4, PROTOCOL = 16, INTERFACE = 40;
const PACKET_OUTGOING = 4;
/** EtherTypes in the order of the wire, as a little-endian processor reads them. */
const IPV4 = 0x0008, IPV6 = 0xdd86;
const TCP = 6;
/** BPF_HDR_START_NET: from the network header on. */
const NETWORK_HEADER = 1;
/** Bytes of the network header that are looked at, and where they are put. */
const HEADER_BYTES = 20, HEADER_AT = -32, FLAGS_AT = -8;
/** Offsets in the headers of IPv4 and IPv6 (RFC 791, RFC 8200) and in that of TCP (RFC 9293). */
const V4_FRAGMENT = 6, V4_PROTOCOL = 9, V6_NEXT = 6, V6_BYTES = 40, TCP_FLAGS = 13;
/** The fragment's offset, as a little-endian processor reads it; FIN, SYN and RST. */
const FRAGMENT_OFFSET = 0xff1f, CONNECTION_FLAGS = 7;

/** Each processor counts in a line of the cache of its own; more than 64 share them. */
const SLOTS = 64, SLOT_BYTES = 64, SLOT_SHIFT = 6;
/** Where in a slot: packets handed over since the last `renew`, packets and bytes only counted. */
const TAKEN = 0, PACKETS = 8, BYTES = 16;

/** What is handed over. */
export interface BudgetOptions {
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  /** Packets for each processor between two calls of `renew`. */
  readonly packets: number;
  /** Index of the loopback device, whose packets come twice. */
  readonly loopback: number;
}

/** A program for a packet socket and what it counts. */
export class TapBudget implements Disposable {
  /** Packets and bytes that were counted and not handed over, at the last `renew`. */
  packets = 0;
  bytes = 0;
  readonly #program: SocketProgram;
  readonly #memory: SharedMap;
  readonly #words: Uint32Array;

  private constructor(program: SocketProgram, memory: SharedMap) {
    this.#program = program;
    this.#memory = memory;
    this.#words = new Uint32Array(memory.mapping.memory());
  }

  /** `undefined` where the kernel has no such thing (before Linux 5.5) or this process may not. */
  static create(options: BudgetOptions): TapBudget | undefined {
    const memory = SharedMap.create(SLOTS * SLOT_BYTES);
    if (!memory) return undefined;
    const program = SocketProgram.load(budgetProgram(memory.descriptor, options));
    if (program) return new TapBudget(program, memory);
    memory[Symbol.dispose]();
    return undefined;
  }

  /** For SO_ATTACH_BPF of socket(7). */
  get descriptor(): number {
    return this.#program.descriptor;
  }

  /** Lets the kernel hand over as many packets again, and brings the counters up to date. */
  renew(): void {
    let packets = 0, bytes = 0;
    for (let slot = 0; slot < SLOTS * SLOT_BYTES; slot += SLOT_BYTES) {
      const taken = (slot + TAKEN) >> 2;
      if (this.#words[taken] !== 0) this.#words[taken] = 0;
      packets += this.#count(slot + PACKETS);
      bytes += this.#count(slot + BYTES);
    }
    this.packets = packets;
    this.bytes = bytes;
  }

  /** 64 bits that another processor may be adding to, its upper half read before and after. */
  #count(at: number): number {
    const words = this.#words, low = at >> 2, high = low + 1;
    for (;;) {
      const upper = words[high], lower = words[low];
      if (words[high] === upper) return upper * 2 ** 32 + lower;
    }
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}

/** Answers how many bytes of a packet are kept: none of one that is only counted. */
function budgetProgram(counters: number, { snaplen, packets, loopback }: BudgetOptions) {
  const program = new BpfAssembler();
  program.copy(kept6, argument1)
    .load(Size.word, argument2, kept6, PACKET_TYPE)
    .jumpIfNot(argument2, PACKET_OUTGOING, "once")
    .load(Size.word, argument2, kept6, INTERFACE)
    .jumpIfEqual(argument2, loopback, "twice")
    .place("once");
  findFlags(program);
  program.load(Size.byte, argument1, frame, FLAGS_AT)
    .jumpIfAnyBit(argument1, CONNECTION_FLAGS, "keep")
    .place("ordinary");
  findSlot(program, counters);
  return program.load(Size.double, argument1, kept7, TAKEN)
    .jumpIfAtLeast(argument1, packets, "count")
    .add(argument1, 1)
    .store(Size.double, kept7, TAKEN, argument1)
    .place("keep")
    .answer(snaplen)
    .place("count")
    .set(argument1, 1)
    .addInMemory(kept7, PACKETS, argument1)
    .load(Size.word, argument1, kept6, LENGTH)
    .addInMemory(kept7, BYTES, argument1)
    .place("twice")
    .answer(0)
    .assemble();
}

/** TCP's flags to the stack, or to "ordinary" with what has none; what cannot be read is kept. */
function findFlags(program: BpfAssembler): void {
  loadBytes(program.set(argument2, 0), HEADER_AT, HEADER_BYTES);
  program.load(Size.word, argument1, kept6, PROTOCOL)
    .jumpIfEqual(argument1, IPV4, "v4")
    .jumpIfEqual(argument1, IPV6, "v6")
    .jump("ordinary")
    .place("v4")
    .load(Size.byte, argument1, frame, HEADER_AT + V4_PROTOCOL)
    .jumpIfNot(argument1, TCP, "ordinary")
    .load(Size.half, argument1, frame, HEADER_AT + V4_FRAGMENT)
    .jumpIfAnyBit(argument1, FRAGMENT_OFFSET, "ordinary")
    .load(Size.byte, argument2, frame, HEADER_AT)
    .and(argument2, 15)
    .shiftLeft(argument2, 2)
    .add(argument2, TCP_FLAGS)
    .jump("flags")
    .place("v6")
    .load(Size.byte, argument1, frame, HEADER_AT + V6_NEXT)
    .jumpIfNot(argument1, TCP, "ordinary")
    .set(argument2, V6_BYTES + TCP_FLAGS)
    .place("flags");
  loadBytes(program, FLAGS_AT, 1);
}

/** Bytes of the packet to the stack, from the offset in `argument2` on. */
function loadBytes(program: BpfAssembler, to: number, length: number): void {
  program.copy(argument1, kept6)
    .copy(argument3, frame)
    .add(argument3, to)
    .set(argument4, length)
    .set(argument5, NETWORK_HEADER)
    .call(Helper.loadBytesRelative)
    .jumpIfNot(result, 0, "keep");
}

/** The address of this processor's counters to `kept7`. */
function findSlot(program: BpfAssembler, counters: number): void {
  program.call(Helper.processor)
    .and(result, SLOTS - 1)
    .shiftLeft(result, SLOT_SHIFT)
    .mapValue(kept7, counters)
    .addRegister(kept7, result);
}
