/** The time by which detectors count: that of the packets, so that a capture is judged as it was. */
import type { ParsedPacket } from "../packet/packet.ts";

/**
 * A clock that the packets set. It may run backwards, by a little when a tap and the kernel's
 * reports are read in turn, or by years when somebody sets it.
 */
export class PacketClock {
  /** One number, seconds since 1970: a fraction handed from call to call would be a heap object. */
  readonly now = new Float64Array(1);

  /** Takes the time of a packet. */
  set({ seconds, microseconds }: ParsedPacket): void {
    this.now[0] = seconds + microseconds / 1e6;
  }
}
