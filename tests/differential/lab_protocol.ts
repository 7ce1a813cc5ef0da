/** What a `Lab` and its agent say to each other. */
import { NFLOG_GROUP } from "../support/enforcer.ts";

/** The mark of packets that the agent sends from the machine itself. */
export const SENT_MARK = 1;

/** NFLOG group of the packets that pass; its prefix is `pass`. */
export const PASS_GROUP = NFLOG_GROUP + 1;

/** Where a frame is sent: on a link of another namespace, or from the machine itself. */
export type Outlet = "in" | "forward" | "back" | "out";

/** One line to the agent. */
export interface SendRequest {
  /** Frames for links, IP packets for `out`; base64. */
  readonly frames: readonly (readonly [outlet: Outlet, bytes: string])[];
  /** Reports to wait for. */
  readonly expected: number;
}

/** One line from the agent. */
export interface SendReply {
  /** Of each report: the packet's number and the text before it. */
  readonly reports: readonly (readonly [id: number, prefix: string])[];
}
