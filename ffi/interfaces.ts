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
/** NLM_F_DUMP_INTR, and how often it is tried to be told all without it. */
const INTERRUPTED = 0x10, TRIES = 5;
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

  /** Whether any did since the last call. */
  any(): boolean {
    return this.#socket.discard();
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** @throws Error when the kernel does not answer, or interfaces change all the time */
export function listInterfaces(): NetworkInterface[] {
  for (let attempt = 1;; attempt++) {
    using socket = new NetlinkSocket(Netlink.route);
    socket.send(request());
    const list: InterfaceList = { interfaces: [], isInterrupted: false, isWhole: false };
    while (!list.isWhole) readInterfaces(socket.receive(), list);
    if (!list.isInterrupted) return list.interfaces;
    if (attempt === TRIES) throw new Error("interfaces change too fast to be listed");
  }
}

/** What the kernel has told so far. */
interface InterfaceList {
  readonly interfaces: NetworkInterface[];
  /** Interfaces changed meanwhile: one of them may be missing. */
  isInterrupted: boolean;
  isWhole: boolean;
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

/** Adds what a datagram tells. */
function readInterfaces(bytes: Uint8Array<ArrayBuffer>, list: InterfaceList): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= view.byteLength;) {
    const length = view.getUint32(at, true), type = view.getUint16(at + 4, true);
    if (type === NLMSG_ERROR || length < HEADER) throw new Error("the kernel lists no interfaces");
    if ((view.getUint16(at + 6, true) & INTERRUPTED) !== 0) list.isInterrupted = true;
    if (type === NLMSG_DONE) {
      list.isWhole = true;
      return;
    }
    if (type === RTM_NEWLINK && at + HEADER + INTERFACE <= view.byteLength) {
      const message = at + HEADER;
      list.interfaces.push({
        type: view.getUint16(message + 2, true),
        index: view.getInt32(message + 4, true),
        isUp: (view.getUint32(message + 8, true) & UP) !== 0,
      });
    }
    at += (length + 3) & ~3;
  }
}
