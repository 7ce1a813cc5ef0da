/**
 * Settings of an NFLOG group that libpcap leaves at the kernel's defaults. The kernel takes them
 * only from the socket that is bound to the group, which is libpcap's (nfnetlink_log.c).
 */
import { sendBytes } from "./libc.ts";

const NFNL_SUBSYS_ULOG = 4, NFULNL_MSG_CONFIG = 1;
const NLM_F_REQUEST = 1;
const NFULA_CFG_NLBUFSIZ = 3, NFULA_CFG_TIMEOUT = 4;
const AF_UNSPEC = 0;
/** Bytes of struct nlmsghdr with struct nfgenmsg, and of an attribute of one word. */
const HEADERS = 20, ATTRIBUTE = 8;

/** How the kernel gathers reports before it hands them over. */
export interface NflogBatch {
  /** How long a batch that is not full is held back; the kernel's default is a second. */
  readonly milliseconds: number;
  /** Room for a batch; the kernel's default is a page, which a dozen reports fill. */
  readonly bytes: number;
}

/**
 * @param descriptor the socket of an open `nflog:` handle
 * @param group the group that it is bound to
 */
export function setNflogBatch(descriptor: number, group: number, batch: NflogBatch): void {
  // Hundredths of a second.
  configure(descriptor, group, NFULA_CFG_TIMEOUT, Math.max(1, Math.round(batch.milliseconds / 10)));
  configure(descriptor, group, NFULA_CFG_NLBUFSIZ, batch.bytes);
}

function configure(descriptor: number, group: number, attribute: number, value: number): void {
  const message = new DataView(new ArrayBuffer(HEADERS + ATTRIBUTE));
  const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  // struct nlmsghdr: length, type, flags, sequence, port; in host byte order.
  message.setUint32(0, HEADERS + ATTRIBUTE, littleEndian);
  message.setUint16(4, (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG, littleEndian);
  message.setUint16(6, NLM_F_REQUEST, littleEndian);
  // struct nfgenmsg: family, version, group in network byte order.
  message.setUint8(16, AF_UNSPEC);
  message.setUint16(18, group);
  message.setUint16(HEADERS, ATTRIBUTE, littleEndian);
  message.setUint16(HEADERS + 2, attribute, littleEndian);
  // In network byte order.
  message.setUint32(HEADERS + 4, value);
  sendBytes(descriptor, new Uint8Array(message.buffer));
}
