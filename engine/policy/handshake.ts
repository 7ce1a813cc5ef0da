/**
 * Who completes a handshake saw the answer to its SYN. A SYN from a forged address is answered to
 * somebody else, and whoever sent it can only guess which number to acknowledge: so the last bits of
 * that number stand in the state of a connection, above `ANSWERED`, and the guess is not believed.
 */
import { type ParsedPacket, TcpFlag } from "../packet/packet.ts";
import { TCP_WORD_BITS } from "./tcp_state.ts";

const SHIFT = TCP_WORD_BITS + 1;
/** A guess in a million is right. */
const BITS = 0xfffff;
const SYN_ACK = TcpFlag.syn | TcpFlag.ack;

/** Whether the packet answers a SYN. */
export function isSynAck({ tcpFlags }: ParsedPacket): boolean {
  return (tcpFlags & SYN_ACK) === SYN_ACK;
}

/** The state with what acknowledges a SYN-ACK of that sequence number (RFC 9293, section 3.5). */
export function withAnswer(state: number, sequence: number): number {
  return (state & ((1 << SHIFT) - 1)) | (((sequence + 1) & BITS) << SHIFT);
}

/** Whether the packet acknowledges the SYN-ACK that the state knows. */
export function acknowledges({ tcpAcknowledgement }: ParsedPacket, state: number): boolean {
  return (tcpAcknowledgement & BITS) === ((state >>> SHIFT) & BITS);
}
