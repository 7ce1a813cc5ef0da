/**
 * How many packets a tap takes while the kernel enforces. Each packet that a tap takes costs the
 * connection that it belongs to; what it is, the kernel's chains decide without us. So a small
 * program in the kernel hands over so many a second, a burst of them at once where it was quiet
 * before, and counts the others where they are: their number and bytes stay exact. Beginnings and
 * ends of TCP connections are always handed over, for they tell who opened what and who scans or
 * floods.
 */
import { SharedMap, SocketProgram } from "./bpf.ts";
import { BpfAssembler, Helper, Register, Size } from "./bpf_assembler.ts";
import { TokenRefill } from "./token_refill.ts";

const { result, argument1, argument2, argument3, argument4, argument5, frame } = Register;
const { kept6, kept7, kept8 } = Register;

/** Fields of struct __sk_buff (linux/bpf.h). */
const LENGTH = 0, PACKET_TYPE = 4, PROTOCOL = 16, HAS_TAG = 20, INTERFACE = 40;
const PACKET_OUTGOING = 4;
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

/** Each processor counts in a line of the cache of its own; more than 64 share them. */
const SLOTS = 64, SLOT_BYTES = 64, SLOT_SHIFT = 6;
/** Where in a slot: packets that may yet be handed over, and packets and bytes only counted. */
const LEFT = 0, PACKETS = 8, BYTES = 16;

/** How many packets are handed over, for each processor. */
export interface PacketBudget {
  /** In the long run. */
  readonly packetsPerSecond: number;
  /** At once: what a quiet time saves, and what a budget begins with. */
  readonly burst: number;
}

/** What is handed over. */
export interface BudgetOptions extends PacketBudget {
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  /** Packets begin with the network layer: no byte before it is counted. */
  readonly isCooked: boolean;
  /** Index of the loopback device, whose packets come twice. */
  readonly loopback: number;
}

/** A program for a packet socket and what it counts. */
export class TapBudget implements Disposable {
  /** Packets and bytes that were counted and not handed over, at the last `renew` or `count`. */
  packets = 0;
  bytes = 0;
  readonly #program: SocketProgram;
  readonly #memory: SharedMap;
  readonly #words: Uint32Array;
  readonly #burst: number;
  readonly #refill: TokenRefill;

  private constructor(program: SocketProgram, memory: SharedMap, budget: PacketBudget) {
    const { packetsPerSecond, burst } = budget;
    this.#program = program;
    this.#memory = memory;
    this.#words = new Uint32Array(memory.mapping.memory());
    this.#burst = burst;
    this.#refill = new TokenRefill(packetsPerSecond, burst, performance.now());
    this.#add(burst);
  }

  /** `undefined` where the kernel has no such thing (before Linux 5.5) or this process may not. */
  static create(options: BudgetOptions): TapBudget | undefined {
    const memory = SharedMap.create(SLOTS * SLOT_BYTES);
    if (!memory) return undefined;
    const program = SocketProgram.load(budgetProgram(memory.descriptor, options));
    if (program) return new TapBudget(program, memory, options);
    memory[Symbol.dispose]();
    return undefined;
  }

  /** For SO_ATTACH_BPF of socket(7). */
  get descriptor(): number {
    return this.#program.descriptor;
  }

  /**
   * Lets the kernel hand over what the time since the last call allows, and counts.
   *
   * @param now of `performance.now()`
   */
  renew(now: number): void {
    this.#add(this.#refill.take(now));
    this.count();
  }

  /**
   * The kernel may take a packet between the read and the write here, or write in between: then one
   * packet more is handed over, or what was added is lost. Neither can come to less than none left.
   */
  #add(packets: number): void {
    if (packets === 0) return;
    for (let slot = 0; slot < SLOTS * SLOT_BYTES; slot += SLOT_BYTES) {
      const at = (slot + LEFT) >> 2, left = this.#words[at];
      // A processor that has them all keeps its line of the cache.
      if (left < this.#burst) this.#words[at] = Math.min(this.#burst, left + packets);
    }
  }

  /** Brings the counters up to date. */
  count(): void {
    let packets = 0, bytes = 0;
    for (let slot = 0; slot < SLOTS * SLOT_BYTES; slot += SLOT_BYTES) {
      packets += this.#counter(slot + PACKETS);
      bytes += this.#counter(slot + BYTES);
    }
    this.packets = packets;
    this.bytes = bytes;
  }

  /** 64 bits that another processor may be adding to, its upper half read before and after. */
  #counter(at: number): number {
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

/**
 * Answers how many bytes of a packet are kept: none of one that is only counted. While there is
 * budget nobody looks into a packet.
 */
function budgetProgram(counters: number, { snaplen, isCooked, loopback }: BudgetOptions) {
  const program = new BpfAssembler();
  program.copy(kept6, argument1)
    .load(Size.word, argument2, kept6, PACKET_TYPE)
    .jumpIfNot(argument2, PACKET_OUTGOING, "once")
    .load(Size.word, argument2, kept6, INTERFACE)
    .jumpIfEqual(argument2, loopback, "twice")
    .place("once");
  findSlot(program, counters);
  program.load(Size.word, argument1, kept7, LEFT)
    .jumpIfEqual(argument1, 0, "beyond")
    .add(argument1, -1)
    .store(Size.word, kept7, LEFT, argument1)
    .place("keep")
    .answer(snaplen)
    .place("beyond");
  findFlags(program, isCooked ? 0 : ETHERNET_BYTES);
  program.place("flags")
    .jumpIfAnyBit(result, CONNECTION_FLAGS, "keep")
    .place("ordinary")
    .set(argument1, 1)
    .addInMemory(kept7, PACKETS, argument1);
  findLength(program, isCooked);
  return program.addInMemory(kept7, BYTES, argument1)
    .place("twice")
    .answer(0)
    .assemble();
}

/**
 * The byte of TCP's flags to `result`, or to "ordinary" with what has none; what is cut off
 * before them is kept. Packets are read where they lie, which costs a fraction of a call.
 *
 * @param network where in the packet the network layer begins. What cannot be a header there is
 *   kept: on some devices a tag lies before it, without being told of
 */
function findFlags(program: BpfAssembler, network: number): void {
  program.load(Size.word, argument1, kept6, PROTOCOL)
    .load(Size.word, argument2, kept6, LENGTH)
    .jumpIfEqual(argument1, IPV4, "v4")
    .jumpIfNot(argument1, IPV6, "ordinary")
    .jumpIfLess(argument2, network + V6_BYTES, "keep")
    .loadPacket(Size.byte, network)
    .and(result, VERSION)
    .jumpIfNot(result, VERSION_6, "keep")
    .loadPacket(Size.byte, network + V6_NEXT)
    .jumpIfNot(result, TCP, "ordinary");
  loadFlags(program, network + V6_BYTES);
  program.place("v4")
    .jumpIfLess(argument2, network + V4_BYTES, "keep")
    .loadPacket(Size.byte, network)
    .copy(kept8, result)
    .jumpIfLess(kept8, V4_PLAIN, "keep")
    .jumpIfAtLeast(kept8, V4_ABOVE, "keep")
    .loadPacket(Size.byte, network + V4_PROTOCOL)
    .jumpIfNot(result, TCP, "ordinary")
    .loadPacket(Size.half, network + V4_FRAGMENT)
    .jumpIfAnyBit(result, FRAGMENT_OFFSET, "ordinary")
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

/** Bytes on the wire to `argument1`: a VLAN tag (4 bytes) is told beside the frame and was in it. */
function findLength(program: BpfAssembler, isCooked: boolean): void {
  program.load(Size.word, argument1, kept6, LENGTH);
  if (isCooked) return;
  program.load(Size.word, argument2, kept6, HAS_TAG)
    .shiftLeft(argument2, 2)
    .addRegister(argument1, argument2);
}

/** The address of this processor's counters to `kept7`. */
function findSlot(program: BpfAssembler, counters: number): void {
  program.call(Helper.processor)
    .and(result, SLOTS - 1)
    .shiftLeft(result, SLOT_SHIFT)
    .mapValue(kept7, counters)
    .addRegister(kept7, result);
}
