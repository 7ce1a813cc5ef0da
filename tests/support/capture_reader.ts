/** Reads a capture file packet by packet, through the same bulk path as the firewall. */
import { type Batch, PcapHandle } from "../../ffi/pcap.ts";
import { libc } from "../../ffi/libc.ts";
import { pcapLibrary } from "../../ffi/pcap_library.ts";
import { RECORD_HEADER, RecordBuffer } from "../../ffi/record_buffer.ts";
import { decode } from "../../engine/packet/decode.ts";
import { LinkType } from "../../engine/packet/link_layer.ts";
import { decodeNflog, NflogRecord } from "../../engine/packet/nflog.ts";
import { ParsedPacket } from "../../engine/packet/packet.ts";

/**
 * Whether libpcap is here. Loaded outside every test: the libraries stay open for the life of the
 * process, which a test that opened them would be blamed for.
 */
export const hasLibpcap: boolean = load();

function load(): boolean {
  try {
    libc();
    pcapLibrary();
    return true;
  } catch {
    return false;
  }
}

/** What `readCapture` calls for each packet; the packet is filled again for the next one. */
export type PacketVisitor = (packet: ParsedPacket, buffer: RecordBuffer) => void;

/** How reading ended. */
export interface CaptureEnd {
  readonly packets: number;
  /** Packets that libpcap counted and the buffer did not hold. */
  readonly lost: number;
  readonly linkType: number;
  /** Empty when the file was read to its end. */
  readonly error: string;
}

/** Decodes every packet of a file. */
export function readCapture(path: string, visit: PacketVisitor, bufferSize = 1 << 20): CaptureEnd {
  using handle = PcapHandle.openFile(path);
  using buffer = new RecordBuffer(bufferSize);
  const batch: Batch = { packets: 0, bytes: 0, ended: false };
  const packet = new ParsedPacket(), record = new NflogRecord();
  const limit = Math.max(1, buffer.batchFor(handle.snaplen));
  let packets = 0, lost = 0, error = "";
  while (true) {
    try {
      handle.read(buffer, limit, batch);
    } catch (failure) {
      error = (failure as Error).message;
      break;
    }
    if (batch.ended) break;
    let records = 0;
    for (let at = 0; at < batch.bytes; records++) {
      const start = at + RECORD_HEADER, end = start + buffer.view.getUint32(at + 8, true);
      packet.seconds = buffer.view.getUint32(at, true);
      packet.microseconds = buffer.view.getUint32(at + 4, true);
      packet.wireLength = buffer.view.getUint32(at + 12, true);
      if (handle.linkType === LinkType.nflog) decodeNflog(packet, record, buffer.view, start, end);
      else decode(packet, buffer.view, start, end, handle.linkType);
      visit(packet, buffer);
      at = end;
    }
    packets += records;
    if (batch.packets > records) lost += batch.packets - records;
  }
  return { packets, lost, linkType: handle.linkType, error };
}
