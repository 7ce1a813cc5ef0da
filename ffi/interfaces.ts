/** The network interfaces of this process's namespace, and when they change (rtnetlink(7)). */
import { Netlink, NetlinkSocket } from "./netlink.ts";

/** An interface as the kernel tells it. */
export interface NetworkInterface {
  readonly index: number;
  /** Hardware type, ARPHRD_… of net/if_arp.h. */
  readonly type: number;
  readonly isUp: boolean;
}

const RTM_NEWLINK = 16, RTM_GETLINK = 18, NLMSG_DONE = 3, NLMSG_ERROR = 2;
/** NLM_F_REQUEST | NLM_F_DUMP. */
const REQUEST_ALL = 0x301;
/** Attribute that says what is left out, and there the counters (IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS). */
const LEAVE_OUT = 29, COUNTERS = 1 << 3;
/** Bytes of struct nlmsghdr and struct ifinfomsg, and of an attribute of one word. */
const HEADER = 16, INTERFACE = 16, ATTRIBUTE = 8;
/** IFF_UP. */
const UP = 1;
/** RTMGRP_LINK. */
const CHANGES = 1;

/** Tells when interfaces come, go, or change. */
export class InterfaceChanges implements Disposable {
  readonly #socket = new NetlinkSocket(Netlink.route, CHANGES);

  /** Whether any did since the last call; where very many did it may be missed. */
  any(): boolean {
    return this.#socket.discard();
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** @throws Error when the kernel does not answer */
export function listInterfaces(): NetworkInterface[] {
  using socket = new NetlinkSocket(Netlink.route);
  socket.send(request());
  const interfaces: NetworkInterface[] = [];
  while (readInterfaces(socket.receive(), interfaces));
  return interfaces;
}

function request(): Uint8Array<ArrayBuffer> {
  const length = HEADER + INTERFACE + ATTRIBUTE, view = new DataView(new ArrayBuffer(length));
  view.setUint32(0, length, true);
  view.setUint16(4, RTM_GETLINK, true);
  view.setUint16(6, REQUEST_ALL, true);
  view.setUint16(HEADER + INTERFACE, ATTRIBUTE, true);
  view.setUint16(HEADER + INTERFACE + 2, LEAVE_OUT, true);
  view.setUint32(HEADER + INTERFACE + 4, COUNTERS, true);
  return new Uint8Array(view.buffer);
}

/** Adds those of a datagram. @returns whether another one follows */
function readInterfaces(bytes: Uint8Array<ArrayBuffer>, interfaces: NetworkInterface[]): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= view.byteLength;) {
    const length = view.getUint32(at, true), type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE) return false;
    if (type === NLMSG_ERROR || length < HEADER) throw new Error("the kernel lists no interfaces");
    if (type === RTM_NEWLINK && at + HEADER + INTERFACE <= view.byteLength) {
      const message = at + HEADER;
      interfaces.push({
        type: view.getUint16(message + 2, true),
        index: view.getInt32(message + 4, true),
        isUp: (view.getUint32(message + 8, true) & UP) !== 0,
      });
    }
    at += (length + 3) & ~3;
  }
  return true;
}
