/**
 * Settings of an NFLOG group that libpcap leaves at the kernel's defaults. The kernel takes them
 * only from the socket that is bound to the group, which is libpcap's (nfnetlink_log.c).
 */
import { sendBytes } from "./libc.ts";

const NFNL_SUBSYS_ULOG = 4, NFULNL_MSG_CONFIG = 1;
const NLM_F_REQUEST = 1;
const NFULA_CFG_TIMEOUT = 4;
const AF_UNSPEC = 0;

/**
 * How long the kernel holds a batch back that is not full yet. Its default is a second, too long for
 * someone who watches.
 *
 * @param descriptor the socket of an open `nflog:` handle
 * @param group the group that it is bound to
 * @param milliseconds in steps of 10
 */
export function setNflogTimeout(descriptor: number, group: number, milliseconds: number): void {
  const message = new DataView(new ArrayBuffer(28));
  const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  // struct nlmsghdr: length, type, flags, sequence, port; in host byte order.
  message.setUint32(0, 28, littleEndian);
  message.setUint16(4, (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG, littleEndian);
  message.setUint16(6, NLM_F_REQUEST, littleEndian);
  // struct nfgenmsg: family, version, group in network byte order.
  message.setUint8(16, AF_UNSPEC);
  message.setUint16(18, group);
  // One attribute: hundredths of a second in network byte order.
  message.setUint16(20, 8, littleEndian);
  message.setUint16(22, NFULA_CFG_TIMEOUT, littleEndian);
  message.setUint32(24, Math.max(1, Math.round(milliseconds / 10)));
  sendBytes(descriptor, new Uint8Array(message.buffer));
}
