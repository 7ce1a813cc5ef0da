/**
 * Sends packets and listens to the kernel's reports, inside the namespaces of a `Lab`. One process
 * and one thread hold all the sockets, so that packets are sent in exactly the order asked for,
 * whichever way they go. Reads a line of JSON, answers with one.
 */
import { libc, pollReadable, setReceiveBuffer } from "../../ffi/libc.ts";
import { setNflogBatch } from "../../ffi/nflog_config.ts";
import { type Batch, PcapHandle } from "../../ffi/pcap.ts";
import { Netlink, NetlinkSocket } from "../../ffi/netlink.ts";
import { RECORD_HEADER, RecordBuffer } from "../../ffi/record_buffer.ts";
import { decodeNflog, NflogRecord } from "../../engine/packet/nflog.ts";
import { ParsedPacket } from "../../engine/packet/packet.ts";
import { NFLOG_GROUP } from "../support/enforcer.ts";
import { PASS_GROUP, type SendReply, type SendRequest } from "./lab_protocol.ts";
import { enterNamespace, RawSockets } from "./namespace_sockets.ts";

/** An `nflog:` handle needs this, whatever the packets' size. */
const NFLOG_SNAPLEN = 262_144;
const SOCKET_BYTES = 32 << 20;
/** Milliseconds that the kernel may hold reports back. */
const NFLOG_BATCH = { milliseconds: 20, bytes: 16_000 };
/** Milliseconds without any report after which no more is waited for. */
const PATIENCE = 700;
/** Bytes of one report, its description included. */
const REPORT_BYTES = 512;

/** Reads the reports of both groups. */
class Reports {
  readonly #handles = [NFLOG_GROUP, PASS_GROUP].map(openGroup);
  readonly #buffer = new RecordBuffer(1 << 20);
  readonly #batch: Batch = { packets: 0, bytes: 0, ended: false };
  readonly #packet = new ParsedPacket();
  readonly #record = new NflogRecord();
  readonly #text = new TextDecoder();

  /** Waits until there are `expected` reports, or no more come. */
  async gather(expected: number): Promise<[number, string][]> {
    const reports: [number, string][] = [];
    let quietSince = performance.now();
    while (reports.length < expected && performance.now() - quietSince < PATIENCE) {
      const before = reports.length;
      for (const handle of this.#handles) this.#read(handle, reports);
      if (reports.length > before) quietSince = performance.now();
      else await pollReadable(this.#handles.map(({ descriptor }) => descriptor), 50);
    }
    // One more than expected would be a packet that both passed and did not.
    for (const handle of this.#handles) this.#read(handle, reports);
    return reports;
  }

  #read(handle: PcapHandle, reports: [number, string][]): void {
    const { view, bytes } = this.#buffer;
    handle.read(this.#buffer, this.#buffer.batchFor(REPORT_BYTES), this.#batch);
    for (let at = 0; at < this.#batch.bytes;) {
      const start = at + RECORD_HEADER;
      const end = start + view.getUint32(at + 8, true);
      decodeNflog(this.#packet, this.#record, view, start, end);
      const { prefixStart, prefixEnd } = this.#record;
      const id = idOf(this.#packet, view);
      // 0: what the machine's own stack says, which no one asked for.
      if (id !== 0) reports.push([id, this.#text.decode(bytes.subarray(prefixStart, prefixEnd))]);
      at = end;
    }
  }
}

function openGroup(group: number): PcapHandle {
  const handle = PcapHandle.openLive(`nflog:${group}`, { snaplen: NFLOG_SNAPLEN });
  setReceiveBuffer(handle.descriptor, SOCKET_BYTES);
  setNflogBatch(handle.descriptor, group, NFLOG_BATCH);
  return handle;
}

/** IPv4 identification or IPv6 flow label. */
function idOf(packet: ParsedPacket, view: DataView): number {
  const at = packet.networkOffset;
  return packet.family === 4 ? view.getUint16(at + 4) : view.getUint32(at) & 0xfffff;
}

/** Forgets all connections (IPCTNL_MSG_CT_DELETE of nfnetlink_conntrack.h, without a tuple). */
function flushConnections(socket: NetlinkSocket): void {
  const message = new DataView(new ArrayBuffer(20));
  message.setUint32(0, 20, true);
  message.setUint16(4, (1 << 8) | 2, true);
  message.setUint16(6, 1 | 4, true); // NLM_F_REQUEST, NLM_F_ACK
  socket.send(new Uint8Array(message.buffer));
  const answer = socket.receive();
  const error = new DataView(answer.buffer, answer.byteOffset).getInt32(16, true);
  if (error !== 0) throw new Error(`cannot forget connections: error ${-error}`);
}

function injector(link: string): (frame: Uint8Array<ArrayBuffer>) => void {
  // It only sends: the filter keeps everything else out of its ring.
  const handle = PcapHandle.openLive(link, { snaplen: 64, filter: "greater 65000" });
  return (frame) => handle.inject(frame);
}

/** The lines of standard input. */
async function* lines(): AsyncGenerator<string> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

if (import.meta.main) {
  libc();
  const [local, remote, server] = Deno.args;
  const reports = new Reports();
  const raw = new RawSockets();
  const connections = new NetlinkSocket(Netlink.netfilter);
  enterNamespace(remote);
  const outlets = {
    in: injector("veth-0"),
    forward: injector("veth-2"),
    back: (_frame: Uint8Array<ArrayBuffer>) => {},
    out: (packet: Uint8Array<ArrayBuffer>) => raw.send(packet),
  };
  enterNamespace(server);
  outlets.back = injector("veth-1");
  enterNamespace(local);
  console.log("ready");
  for await (const line of lines()) {
    const { frames, expected } = JSON.parse(line) as SendRequest;
    flushConnections(connections);
    for (const [outlet, bytes] of frames) outlets[outlet](Uint8Array.fromBase64(bytes));
    const reply: SendReply = { reports: await reports.gather(expected) };
    console.log(JSON.stringify(reply));
  }
  Deno.exit(0);
}
