/** Captures of small UDP packets, as pcap(5) has them. */

export const FILE_HEADER = 24, RECORD_HEADER = 16, FRAME = 42;

/** When the first packet was captured, in seconds since 1970; each of the others a second later. */
export const FIRST_SECOND = 1_700_000_000;

/** UDP packets on Ethernet from 10.9.0.2 to port 23 of 10.9.0.1. */
export function udpCapture(packets: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FILE_HEADER + packets * (RECORD_HEADER + FRAME));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, 65_535);
  view.setUint32(20, 1);
  const frame = Uint8Array.fromHex(
    "000000000000000000000000" + "0800" + "4500001c0001000040110000" + "0a0900020a090001" +
      "04d2001700080000",
  );
  for (let packet = 0; packet < packets; packet++) {
    const at = FILE_HEADER + packet * (RECORD_HEADER + FRAME);
    view.setUint32(at, FIRST_SECOND + packet);
    view.setUint32(at + 8, FRAME);
    view.setUint32(at + 12, FRAME);
    bytes.set(frame, at + RECORD_HEADER);
  }
  return bytes;
}
