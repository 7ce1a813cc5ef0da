/**
 * The devices that pfw watches. An interface that goes away is waited for and opened again; its
 * counters go on where they stopped.
 */
import { interfaceIndex, setReceiveBuffer } from "../ffi/libc.ts";
import { setNflogBatch } from "../ffi/nflog_config.ts";
import { PacketTap } from "../ffi/packet_tap.ts";
import {
  type Batch,
  PcapError,
  PcapErrorCode,
  PcapHandle,
  pcapVersion,
  UNCOUNTED,
} from "../ffi/pcap.ts";
import type { PacketBlock } from "../ffi/packet_block.ts";
import { RECORD_HEADER, type RecordBuffer } from "../ffi/record_buffer.ts";
import type { CountedOnly } from "../ffi/tap_source.ts";
import { captureError } from "./capture_error.ts";
import { errorText } from "./errors.ts";
import { LinkType } from "./packet/link_layer.ts";

/** NFLOG group of pfw's reports; within a network namespace one pfw alone listens on it. */
export const NFLOG_GROUP = 7919;

/** Bytes of the buffer that a batch is moved into: small enough to stay in the processor's cache. */
export const RECORD_BUFFER_BYTES = 1 << 21;

/** Bytes kept of each packet: headers, options and the start of the payload. */
export const SNAPLEN = 128;

/**
 * Kernel ring of each device: a tenth of a second at a million packets a second. Programs at
 * interfaces have the power of two below it, and hand over few of many.
 */
export const RING_BYTES = 24 << 20;

/**
 * Packets that a tap takes from each processor while the kernel enforces. The others are counted.
 * The rate is some thirty for each round of the loop, which costs a connection little; the burst
 * shows a scan or the beginning of a flood whole.
 */
const TAP_BUDGET = { packetsPerSecond: 1600, burst: 1024 };

/**
 * libpcap receives one netlink datagram, a whole batch of reports, into a buffer of this size: a
 * smaller one cuts the batch off in silence.
 */
const NFLOG_SNAPLEN = 262_144;
const NFLOG_SOCKET_BYTES = 32 << 20;
/**
 * How long the kernel may hold a batch of reports back, and its room: for as many reports as the
 * rules let it gather (`--nflog-threshold`). Handing a batch over costs a drop several times itself.
 */
const NFLOG_BATCH = { milliseconds: 50, bytes: 16_000 };
const REOPEN_MILLISECONDS = 1000;

/** Sums over the lives of a device. */
export interface DeviceCounters {
  received: number;
  droppedByRing: number;
  droppedByInterface: number;
  /** Packets that were counted in a batch or a block, and not found in it. */
  recordsLost: number;
  /** Packets, and their bytes, that the kernel counted and did not hand over; see `setBudget`. */
  countedOnly: number;
  countedOnlyBytes: number;
}

/** What a device tells about coming and going. */
export type DeviceNotice = (text: string) => void;

/** How a tap is opened. */
export interface TapOptions {
  readonly filter?: string;
  readonly ringBytes?: number;
  /** See `setBudget`. */
  readonly hasBudget?: boolean;
}

/** One tap or one NFLOG group. */
export class CaptureDevice implements Disposable {
  readonly #batch: Batch = { packets: 0, bytes: 0, ended: false };
  readonly #earlier: DeviceCounters = {
    received: 0,
    droppedByRing: 0,
    droppedByInterface: 0,
    recordsLost: 0,
    countedOnly: 0,
    countedOnlyBytes: 0,
  };
  #handle: PcapHandle | PacketTap | undefined;
  #retryAt = 0;
  #hasBudget: boolean;
  /** What `renewBudget` has told of those that were only counted. */
  #told: CountedOnly = { packets: 0, bytes: 0 };
  /** Of packets whose link layer does not say it. */
  interfaceIndex = 0;

  private constructor(
    readonly name: string,
    readonly isNflog: boolean,
    readonly open: (hasBudget: boolean) => PcapHandle | PacketTap,
    readonly notice: DeviceNotice,
    hasBudget = false,
  ) {
    this.#hasBudget = hasBudget;
    try {
      this.#attach();
    } catch (error) {
      if (!isNotUp(error)) throw error;
      notice(`${name} is not up; waiting for it`);
    }
  }

  /** Opens an interface, which may be down yet, or `any`; throws PfwError where that cannot be. */
  static tap(device: string, notice: DeviceNotice, options: TapOptions = {}): CaptureDevice {
    const { filter, ringBytes = RING_BYTES } = options, snaplen = SNAPLEN;
    const open = (hasBudget: boolean) =>
      (filter ? undefined : PacketTap.open(device, { snaplen, ringBytes }, budgetIf(hasBudget))) ??
        PcapHandle.openLive(device, {
          snaplen,
          ringBytes,
          filter,
          // Cooked v2 tells the interface of each packet, v1 does not.
          linkType: device === "any" ? LinkType.linuxSll2 : undefined,
        });
    return create(device, () => {
      // Also where a ring does without: the interface may come back as one that does not.
      pcapVersion();
      return new CaptureDevice(device, false, open, notice, options.hasBudget);
    });
  }

  /** Opens an NFLOG group: the kernel's reports of dropped packets. */
  static nflog(group: number, notice: DeviceNotice): CaptureDevice {
    const open = () => {
      const handle = PcapHandle.openLive(`nflog:${group}`, { snaplen: NFLOG_SNAPLEN });
      setReceiveBuffer(handle.descriptor, NFLOG_SOCKET_BYTES);
      setNflogBatch(handle.descriptor, group, NFLOG_BATCH);
      return handle;
    };
    const name = `nflog:${group}`;
    return create(name, () => new CaptureDevice(name, true, open, notice));
  }

  /**
   * Whether the kernel may count packets instead of handing each over, where more come than are
   * needed to know what goes on; see `TapBudget`. Only while it decides by itself what passes.
   * Devices that libpcap reads hand over all.
   */
  setBudget(hasBudget: boolean): void {
    if (hasBudget === this.#hasBudget) return;
    this.#hasBudget = hasBudget;
    if (!(this.#handle instanceof PacketTap)) return;
    try {
      this.#handle.setBudget(budgetIf(hasBudget));
    } catch (error) {
      this.#lose(error, performance.now());
    }
  }

  /**
   * Adds to the budget what the time since the last call allows.
   *
   * @param now of `performance.now()`
   * @returns what was only counted since the last call
   */
  renewBudget(now: number): CountedOnly {
    if (this.#hasBudget && this.#handle instanceof PacketTap) this.#renew(this.#handle, now);
    const all = this.#countedOnly(), told = this.#told;
    this.#told = all;
    return { packets: all.packets - told.packets, bytes: all.bytes - told.bytes };
  }

  #renew(tap: PacketTap, now: number): void {
    try {
      tap.renewBudget(now, TAP_BUDGET);
    } catch (error) {
      this.#lose(error, now);
    }
  }

  #countedOnly(): CountedOnly {
    const { countedOnly: packets, countedOnlyBytes: bytes } = this.#earlier;
    if (!(this.#handle instanceof PacketTap)) return { packets, bytes };
    const now = this.#handle.countedOnly;
    return { packets: packets + now.packets, bytes: bytes + now.bytes };
  }

  /** Link type of the packets that `read` moves, as libpcap numbers it. */
  get linkType(): number {
    return this.#handle instanceof PcapHandle ? this.#handle.linkType : -1;
  }

  /** Whether packets are read in the kernel's ring, block by block, and not by `read`. */
  get hasRing(): boolean {
    return this.#handle instanceof PacketTap;
  }

  /** Blocks or batches of which a round may take so many before it has to come back soon. */
  get easyTakes(): number {
    return this.#handle instanceof PacketTap ? this.#handle.blocks >> 3 : 1;
  }

  /** For poll(2); -1 while the device is away. */
  get descriptor(): number {
    return this.#handle?.descriptor ?? -1;
  }

  /** Whether the device can be read now. */
  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  /**
   * Moves the packets that wait into the buffer, as many as surely fit.
   *
   * @param now milliseconds on any clock; decides when a lost device is tried again
   * @returns bytes written; 0: nothing waits
   */
  read(buffer: RecordBuffer, now: number): number {
    if (!this.#handle) this.#reopen(now);
    const handle = this.#handle;
    if (!(handle instanceof PcapHandle)) return 0;
    const fits = buffer.batchFor(this.isNflog ? NFLOG_RECORD_BYTES : handle.snaplen);
    try {
      handle.read(buffer, fits, this.#batch);
    } catch (error) {
      this.#lose(error, now);
      return 0;
    }
    return this.#batch.bytes;
  }

  /**
   * The next block of the kernel's ring, to be read and given back with `release`.
   *
   * @param now as for `read`
   */
  nextBlock(now: number): PacketBlock | undefined {
    if (!(this.#handle instanceof PacketTap)) return undefined;
    try {
      return this.#handle.nextBlock();
    } catch (error) {
      this.#lose(error, now);
    }
  }

  /** Gives a block back; packets that were counted in it and not found are a loss. */
  release(block: PacketBlock, packets: number): void {
    this.#earlier.recordsLost += Math.max(0, block.packets - packets);
    if (this.#handle instanceof PacketTap) this.#handle.release();
  }

  /** Compares what was parsed with what libpcap counted: a difference is a loss. */
  account(records: number): void {
    if (this.#batch.packets === UNCOUNTED) return;
    this.#earlier.recordsLost += Math.max(0, this.#batch.packets - records);
  }

  /** Counters since the start. */
  counters(): DeviceCounters {
    const now = this.#handle?.stats(), { packets, bytes } = this.#countedOnly();
    return {
      received: this.#earlier.received + (now?.received ?? 0),
      droppedByRing: this.#earlier.droppedByRing + (now?.droppedByRing ?? 0),
      droppedByInterface: this.#earlier.droppedByInterface + (now?.droppedByInterface ?? 0),
      recordsLost: this.#earlier.recordsLost,
      countedOnly: packets,
      countedOnlyBytes: bytes,
    };
  }

  #attach(): void {
    this.#handle = this.open(this.#hasBudget);
    this.interfaceIndex = this.isNflog || this.name === "any" ? 0 : interfaceIndex(this.name);
  }

  #reopen(now: number): void {
    if (now < this.#retryAt) return;
    this.#retryAt = now + REOPEN_MILLISECONDS;
    try {
      this.#attach();
    } catch {
      return;
    }
    this.notice(`${this.name} is back`);
  }

  #lose(error: unknown, now: number): void {
    Object.assign(this.#earlier, this.counters());
    this.#handle?.[Symbol.dispose]();
    this.#handle = undefined;
    this.#retryAt = now + REOPEN_MILLISECONDS;
    this.notice(`${this.name} is gone (${errorText(error)}); waiting for it`);
  }

  [Symbol.dispose](): void {
    Object.assign(this.#earlier, this.counters());
    this.#handle?.[Symbol.dispose]();
    this.#handle = undefined;
    this.#retryAt = Infinity;
  }
}

function budgetIf(hasBudget: boolean) {
  return hasBudget ? TAP_BUDGET : undefined;
}

/** A report of a dropped packet: at most 128 bytes of it, and its description. */
const NFLOG_RECORD_BYTES = 512 - RECORD_HEADER;

function create<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw captureError(`cannot capture on ${name}`, error);
  }
}

function isNotUp(error: unknown): boolean {
  return error instanceof PcapError && error.code === PcapErrorCode.interfaceNotUp;
}
