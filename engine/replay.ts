/** Judges a capture file: what the policy would have allowed and blocked, and why. Needs no root. */
import type { ThreatList } from "../intel/threat_list.ts";
import { type Batch, FILE_BATCH, PcapHandle, UNCOUNTED } from "../ffi/pcap.ts";
import { RECORD_HEADER, RecordBuffer } from "../ffi/record_buffer.ts";
import { captureError } from "./capture_error.ts";
import { DropPrefixes } from "./drop_prefixes.ts";
import { errorText } from "./errors.ts";
import { LocalAddresses } from "./net/local_addresses.ts";
import { BlockedSources, type SourceCount } from "./observe/blocked_sources.ts";
import { EventBuffer } from "./observe/event_buffer.ts";
import { EventDetails } from "./observe/event_details.ts";
import { Totals } from "./observe/totals.ts";
import { Pipeline } from "./pipeline.ts";
import { Matcher } from "./policy/matcher.ts";
import type { Policy } from "./policy/policy.ts";
import { Reason, type ReasonCode } from "./policy/verdict.ts";
import type { ReplayStore } from "./replay_store.ts";
import { ThreatDetails } from "./threat_details.ts";

/** How a replay is made. */
export interface ReplayOptions {
  /** A capture file; `-` is standard input. */
  readonly file: string;
  readonly policy: Policy;
  /** Tells which feed lists an address; its list is the policy's. */
  readonly threats?: ThreatList;
  /** pcap-filter(7). */
  readonly filter?: string;
  /** Addresses of the machine that captured, which tell incoming from outgoing. */
  readonly own?: readonly string[];
  /** Where the rows go as well, if anywhere. */
  readonly store?: ReplayStore;
  /** Share of allowed packets that is stored. */
  readonly sample?: number;
  /** Told now and then how many packets were read. */
  readonly progress?: (packets: number) => void;
}

/** What a replay found; the JSON of `start --read`. */
export interface ReplayResult {
  readonly packets: number;
  /** Bytes on the wire. */
  readonly bytes: number;
  /** Not IP, cut off, or of an unknown link type: no policy applies. */
  readonly undecodable: number;
  readonly allowed: number;
  readonly blocked: number;
  /** Packets by the reason that decided, allowed and blocked together. */
  readonly byReason: Readonly<Partial<Record<ReasonCode, number>>>;
  readonly topBlocked: readonly SourceCount[];
  readonly seconds: number;
  readonly packetsPerSecond: number;
  /** Why the file could not be read to its end; absent when it was. */
  readonly error?: string;
  /** Packets that the read buffer could not hold; absent when there were none. */
  readonly lost?: number;
}

/**
 * Where connections lie in the tables: the same file gives the same verdicts each time, also where a
 * table is full. Nobody answers to a file, so nobody is kept from choosing what is in it.
 */
export const REPLAY_SEED = 0x5eed;

/**
 * Rows that gather before they are counted and stored. More of them would cost less each, and leave
 * more to be written when the last packet is judged.
 */
const BATCH = 4096;
/** Rows that there is room for: a batch that is nearly full, and all packets of one read. */
const ROWS = 8192;
/** Reserved at most for a batch; only what packets really fill becomes memory in use. */
const LARGEST_BUFFER = 64 << 20;
/** Milliseconds of work between two pauses, in which signals and timers get their turn. */
const WORK_SLICE = 100;

/**
 * Reads the file to its end, or to where it is broken.
 *
 * @throws PfwError when the file cannot be opened
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  using handle = openCapture(options);
  using buffer = bufferFor(handle);
  const run = new Replay(options);
  const batch: Batch = { packets: 0, bytes: 0, ended: false };
  // Never more than the event buffers hold between two flushes: every address stays known.
  const limit = ROWS / 2;
  const started = performance.now();
  let error: string | undefined;
  let sliceEnd = started + WORK_SLICE;
  for (;;) {
    try {
      handle.read(buffer, limit, batch);
    } catch (failure) {
      error = errorText(failure);
      break;
    }
    if (batch.ended) break;
    const records = run.pipeline.readTap(buffer, batch.bytes, handle.linkType, 0);
    if (batch.packets !== UNCOUNTED && records < batch.packets) run.lost += batch.packets - records;
    if (run.isFull) await run.flush();
    if (performance.now() < sliceEnd) continue;
    options.progress?.(run.totals.packets);
    await new Promise((resolve) => setTimeout(resolve, 0));
    sliceEnd = performance.now() + WORK_SLICE;
  }
  await run.flush();
  await options.store?.settle();
  return run.result((performance.now() - started) / 1000, error);
}

function openCapture({ file, filter }: ReplayOptions): PcapHandle {
  try {
    return PcapHandle.openFile(file, filter);
  } catch (error) {
    const next = "name a file as `tcpdump -w` writes it";
    throw captureError(`cannot read the capture ${file}`, error, next);
  }
}

/** Files of tcpdump allow packets of 256 KiB and hold small ones: room for a batch of the large. */
function bufferFor({ snaplen }: PcapHandle): RecordBuffer {
  return new RecordBuffer(Math.min(LARGEST_BUFFER, FILE_BATCH * (RECORD_HEADER + snaplen) + 1));
}

class Replay {
  readonly totals = new Totals();
  readonly pipeline: Pipeline;
  /** Packets that libpcap counted and the buffer did not hold. */
  lost = 0;
  readonly #details = new EventDetails();
  readonly #blocked = new EventBuffer(ROWS, ROWS);
  readonly #allowed = new EventBuffer(ROWS, ROWS);
  readonly #sources = new BlockedSources();
  readonly #store: ReplayStore | undefined;

  constructor({ policy, threats, own, store, sample }: ReplayOptions) {
    this.#store = store;
    const names = new ThreatDetails(this.#details);
    if (threats) names.use(threats);
    const addresses = new LocalAddresses();
    addresses.update((own ?? []).map((address) => ({ address })));
    this.pipeline = new Pipeline({
      enforcement: "none",
      matcher: new Matcher(policy, { seed: REPLAY_SEED }),
      own: addresses,
      totals: this.totals,
      blocked: this.#blocked,
      allowed: this.#allowed,
      prefixes: new DropPrefixes(this.#details),
      detailOf: (reason, packet) => reason === Reason.threat ? names.detailOf(packet) : 0,
      sample: store ? sample ?? 0 : 0,
    });
  }

  get isFull(): boolean {
    return this.#blocked.count >= BATCH || this.#allowed.count >= BATCH;
  }

  async flush(): Promise<void> {
    this.#sources.add(this.#blocked);
    await this.#store?.write({
      wouldBlock: this.#blocked,
      allowed: this.#allowed,
      counts: this.totals.hourly,
      details: this.#details,
    });
    this.#blocked.clear();
    this.#allowed.clear();
  }

  result(seconds: number, error: string | undefined): ReplayResult {
    const totals = this.totals.toJSON();
    const byReason = Object.fromEntries(
      Object.entries(totals.byReason).map(([code, { allowed, wouldBlock }]) =>
        [code, allowed + wouldBlock] as const
      ),
    );
    return {
      packets: totals.packets,
      bytes: totals.bytes,
      undecodable: totals.undecodable,
      allowed: totals.allowed,
      blocked: totals.wouldBlock,
      byReason,
      topBlocked: this.#sources.top(10),
      seconds: Math.round(seconds * 1000) / 1000,
      packetsPerSecond: seconds > 0 ? Math.round(totals.packets / seconds) : 0,
      ...(this.lost > 0 ? { lost: this.lost } : {}),
      ...(error === undefined ? {} : { error }),
    };
  }
}
