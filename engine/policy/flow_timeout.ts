/** How long a connection is remembered without a packet. */
import { Protocol } from "../packet/packet.ts";
import { TCP_WORD_BITS, TcpState, tcpStateOf } from "./tcp_state.ts";

/** In the state of a connection, above the tracking word of TCP: the other side has answered. */
export const ANSWERED = 1 << TCP_WORD_BITS;

/** Seconds without a packet after which the kernel forgets a connection: its defaults. */
const TIMEOUT = {
  /** Of a connection that began before we looked, as long as nobody answers. */
  tcpUnanswered: 300,
  udp: 30,
  udpStream: 120,
  icmp: 30,
  other: 600,
} as const;

/** The same of TCP, by `TcpState`. */
const TCP_TIMEOUTS: Int32Array = Int32Array.of(0, 120, 60, 432_000, 120, 60, 30, 120, 10, 120);

/** The same of one connection. @param state its tracking word, with `ANSWERED` */
export function timeoutOf(protocol: number, state: number): number {
  const isAnswered = (state & ANSWERED) !== 0;
  switch (protocol) {
    case Protocol.tcp: {
      const tcp = tcpStateOf(state);
      if (tcp === TcpState.established && !isAnswered) return TIMEOUT.tcpUnanswered;
      return TCP_TIMEOUTS[tcp];
    }
    case Protocol.udp:
      return isAnswered ? TIMEOUT.udpStream : TIMEOUT.udp;
    case Protocol.icmp:
    case Protocol.icmpv6:
      return TIMEOUT.icmp;
    default:
      return TIMEOUT.other;
  }
}
