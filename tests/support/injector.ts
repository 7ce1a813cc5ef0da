/**
 * Sends frames at a steady rate from any number of sources. Run in a namespace with an `Injection`
 * as JSON; prints `ready`, then every few milliseconds `<time in ms> <packets sent>`, at last
 * `sent <packets>`. SIGTERM ends it.
 */
import { PcapHandle } from "../../ffi/pcap.ts";

/** What is sent. */
export interface Injection {
  readonly device: string;
  /** MAC address of the receiver, `aa:bb:…`. */
  readonly mac: string;
  /** Receiver's IPv4 address, and the UDP or TCP port. */
  readonly to: readonly number[];
  readonly port: number;
  /** `both` takes turns. */
  readonly protocol: "udp" | "syn" | "both";
  /** First source address and how many there are, in a scattered order. */
  readonly from: readonly number[];
  readonly sources: number;
  /** Packets a second. */
  readonly rate: number;
  /** Packets after which it ends; without, it goes on until SIGTERM. */
  readonly count?: number;
}

const ETHERNET = 14, IP = ETHERNET, TRANSPORT = ETHERNET + 20;
const UDP_LENGTH = 8 + 18, TCP_LENGTH = 20;
const UDP = 17, TCP = 6;
/** Milliseconds between two lines, and packets after which the clock is looked at. */
const REPORT_INTERVAL = 10;
const BATCH = 64;
/** Odd, so that multiplying by it modulo a power of two visits every source once. */
const SCATTER = 0x9e3779b1;

/** One frame that is sent again and again with another source. */
class Frame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  readonly #length: number;

  constructor(readonly protocol: typeof UDP | typeof TCP, { mac, to, port }: Injection) {
    this.#length = protocol === UDP ? UDP_LENGTH : TCP_LENGTH;
    this.bytes = new Uint8Array(TRANSPORT + this.#length);
    this.#view = new DataView(this.bytes.buffer);
    this.bytes.set(mac.split(":").map((part) => parseInt(part, 16)));
    this.bytes.set([2, 0, 0, 0, 0, 9, 8, 0, 0x45], 6);
    this.#view.setUint16(IP + 2, 20 + this.#length);
    this.#view.setUint16(IP + 6, 0x4000);
    this.bytes.set([64, protocol], IP + 8);
    this.bytes.set(to, IP + 16);
    this.#view.setUint16(TRANSPORT + 2, port);
    if (protocol === UDP) this.#view.setUint16(TRANSPORT + 4, this.#length);
    else this.bytes.set([0x50, 2, 4, 0], TRANSPORT + 12);
  }

  /** Writes what differs between packets; checksums are those of RFC 791 and RFC 9293. */
  fill(source: number, sequence: number): void {
    const view = this.#view;
    view.setUint32(IP + 12, source);
    view.setUint16(IP + 4, sequence);
    view.setUint16(IP + 10, 0);
    view.setUint16(IP + 10, ~fold(this.#sum(IP, TRANSPORT)));
    view.setUint16(TRANSPORT, 1024 + sequence % 60_000);
    if (this.protocol === UDP) return view.setUint32(TRANSPORT + 8, sequence);
    view.setUint32(TRANSPORT + 4, sequence);
    view.setUint16(TRANSPORT + 16, 0);
    const addresses = this.#sum(IP + 12, IP + 20);
    const segment = this.#sum(TRANSPORT, TRANSPORT + TCP_LENGTH);
    view.setUint16(TRANSPORT + 16, ~fold(addresses + segment + TCP + TCP_LENGTH));
  }

  #sum(start: number, end: number): number {
    let sum = 0;
    for (let at = start; at < end; at += 2) sum += this.#view.getUint16(at);
    return sum;
  }
}

function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** Sends until the count is reached or `isOver` says so; returns how many packets were sent. */
async function send(what: Injection, isOver: () => boolean): Promise<number> {
  const frames = framesOf(what);
  const [a, b, c, d] = what.from;
  const first = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const end = what.count ?? Infinity;
  using handle = PcapHandle.openLive(what.device, { snaplen: 64 });
  const start = performance.now();
  let sent = 0, nextReport = 0;
  while (sent < end && !isOver()) {
    const now = performance.now();
    const due = Math.min(end, Math.floor(((now - start) * what.rate) / 1000));
    for (let batch = 0; batch < BATCH && sent < due; batch++, sent++) {
      const frame = frames[sent % frames.length];
      frame.fill(first + (Math.imul(sent, SCATTER) >>> 0) % what.sources, sent);
      handle.inject(frame.bytes);
    }
    if (now >= nextReport) {
      nextReport = now + REPORT_INTERVAL;
      console.log(`${Date.now()} ${sent}`);
      await pause(0);
    }
    if (sent >= due) await pause(1);
  }
  return sent;
}

function framesOf(what: Injection): Frame[] {
  const udp = new Frame(UDP, what), syn = new Frame(TCP, what);
  return { udp: [udp], syn: [syn], both: [udp, syn] }[what.protocol];
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

if (import.meta.main) {
  let isOver = false;
  Deno.addSignalListener("SIGTERM", () => isOver = true);
  console.log("ready");
  console.log(`sent ${await send(JSON.parse(Deno.args[0]), () => isOver)}`);
  Deno.exit(0);
}
