/** Programs for the kernel's own machine (eBPF), as data: Documentation/bpf/standardization of Linux. */

/** Registers. `result` holds what a call returns and what the program answers. */
export const Register = {
  result: 0,
  /** Arguments of calls; `argument1` is the program's context when it begins. */
  argument1: 1,
  argument2: 2,
  argument3: 3,
  argument4: 4,
  argument5: 5,
  /** These outlive a call. */
  kept6: 6,
  kept7: 7,
  kept8: 8,
  kept9: 9,
  /** The end of the stack, which lies before it. */
  frame: 10,
} as const;

/** Functions of the kernel (enum bpf_func_id). */
export const Helper = {
  monotonicTime: 5,
  processor: 8,
  loadBytes: 26,
  loadBytesRelative: 68,
  ringReserve: 131,
  ringSubmit: 132,
} as const;

/** Sizes of a value in memory, as they stand in the code of an instruction. */
export const Size = { byte: 0x10, half: 0x08, word: 0x00, double: 0x18 } as const;

/**
 * BPF_LDX | BPF_MEM, BPF_STX | BPF_MEM, BPF_STX | BPF_ATOMIC, BPF_LD | BPF_IMM | BPF_DW and
 * BPF_LD | BPF_ABS.
 */
const LOAD = 0x61, STORE = 0x63, ATOMIC = 0xc3, LOAD_ADDRESS = 0x18, LOAD_PACKET = 0x20;
/** BPF_ALU64 with a number or a register. */
const ADD = 0x07, ADD_REGISTER = 0x0f, SUBTRACT_REGISTER = 0x1f, MULTIPLY = 0x27, DIVIDE = 0x37;
const AND = 0x57, SHIFT_LEFT = 0x67, SET = 0xb7, COPY = 0xbf;
/** BPF_JMP. */
const JUMP = 0x05,
  IF_EQUAL = 0x15,
  IF_NOT = 0x55,
  IF_AT_LEAST = 0x35,
  IF_LESS = 0xa5,
  IF_ANY_BIT = 0x45;
const CALL = 0x85, EXIT = 0x95;
/** BPF_PSEUDO_MAP_FD and BPF_PSEUDO_MAP_VALUE: a map, and the address of its value. */
const MAP = 1, MAP_VALUE = 2;
const INSTRUCTION_BYTES = 8;

/** Writes instructions one after another; jumps name places that may come later. */
export class BpfAssembler {
  readonly #words: [code: number, registers: number, offset: number, value: number][] = [];
  readonly #places = new Map<string, number>();
  readonly #jumps: [at: number, place: string][] = [];

  /** What comes next can be jumped to by this name. */
  place(name: string): this {
    if (this.#places.has(name)) throw new RangeError(`two places ${name}`);
    this.#places.set(name, this.#words.length);
    return this;
  }

  set(register: number, value: number): this {
    return this.#write(SET, register, 0, 0, value);
  }

  copy(register: number, from: number): this {
    return this.#write(COPY, register, from);
  }

  add(register: number, value: number): this {
    return this.#write(ADD, register, 0, 0, value);
  }

  addRegister(register: number, other: number): this {
    return this.#write(ADD_REGISTER, register, other);
  }

  subtractRegister(register: number, other: number): this {
    return this.#write(SUBTRACT_REGISTER, register, other);
  }

  multiply(register: number, value: number): this {
    return this.#write(MULTIPLY, register, 0, 0, value);
  }

  /** Both as numbers without sign; what is left over is lost. */
  divide(register: number, value: number): this {
    return this.#write(DIVIDE, register, 0, 0, value);
  }

  and(register: number, value: number): this {
    return this.#write(AND, register, 0, 0, value);
  }

  shiftLeft(register: number, bits: number): this {
    return this.#write(SHIFT_LEFT, register, 0, 0, bits);
  }

  /** @param offset bytes from where `base` points to */
  load(size: number, register: number, base: number, offset: number): this {
    return this.#write(LOAD | size, register, base, offset);
  }

  /**
   * Loads from the packet to `result`, in this machine's order, and forgets all arguments. Needs the
   * context in `kept6`. Ends the program with 0 where the packet is shorter: ask for its length before.
   */
  loadPacket(size: number, offset: number): this {
    return this.#write(LOAD_PACKET | size, 0, 0, 0, offset);
  }

  store(size: number, base: number, offset: number, register: number): this {
    return this.#write(STORE | size, base, register, offset);
  }

  /** Adds to 64 bits in memory so that no other processor gets in between. */
  addInMemory(base: number, offset: number, register: number): this {
    return this.#write(ATOMIC | Size.double, base, register, offset);
  }

  /** The address of the only value of a map. @param map its descriptor */
  mapValue(register: number, map: number): this {
    return this.#write(LOAD_ADDRESS, register, MAP_VALUE, 0, map).#write(0, 0);
  }

  /** A map, as calls take it. @param map its descriptor */
  map(register: number, map: number): this {
    return this.#write(LOAD_ADDRESS, register, MAP, 0, map).#write(0, 0);
  }

  call(helper: number): this {
    return this.#write(CALL, 0, 0, 0, helper);
  }

  jump(place: string): this {
    return this.#jump(JUMP, 0, 0, place);
  }

  jumpIfEqual(register: number, value: number, place: string): this {
    return this.#jump(IF_EQUAL, register, value, place);
  }

  jumpIfNot(register: number, value: number, place: string): this {
    return this.#jump(IF_NOT, register, value, place);
  }

  /** Both as numbers without sign. */
  jumpIfAtLeast(register: number, value: number, place: string): this {
    return this.#jump(IF_AT_LEAST, register, value, place);
  }

  /** Both as numbers without sign. */
  jumpIfLess(register: number, value: number, place: string): this {
    return this.#jump(IF_LESS, register, value, place);
  }

  jumpIfAnyBit(register: number, bits: number, place: string): this {
    return this.#jump(IF_ANY_BIT, register, bits, place);
  }

  /** Ends the program with that answer. */
  answer(value: number): this {
    return this.set(Register.result, value).#write(EXIT, 0);
  }

  #jump(code: number, register: number, value: number, place: string): this {
    this.#jumps.push([this.#words.length, place]);
    return this.#write(code, register, 0, 0, value);
  }

  #write(code: number, to: number, from = 0, offset = 0, value = 0): this {
    this.#words.push([code, to | from << 4, offset, value]);
    return this;
  }

  /** The program as the kernel takes it. */
  assemble(): Uint8Array<ArrayBuffer> {
    for (const [at, place] of this.#jumps) {
      const target = this.#places.get(place);
      if (target === undefined) throw new RangeError(`no place ${place}`);
      this.#words[at][2] = target - at - 1;
    }
    const view = new DataView(new ArrayBuffer(INSTRUCTION_BYTES * this.#words.length));
    this.#words.forEach(([code, registers, offset, value], at) => {
      view.setUint8(INSTRUCTION_BYTES * at, code);
      view.setUint8(INSTRUCTION_BYTES * at + 1, registers);
      view.setInt16(INSTRUCTION_BYTES * at + 2, offset, true);
      view.setInt32(INSTRUCTION_BYTES * at + 4, value | 0, true);
    });
    return new Uint8Array(view.buffer);
  }
}
