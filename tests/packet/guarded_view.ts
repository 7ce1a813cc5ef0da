/** Bytes whose surroundings must not be looked at. */

/** Where the frame begins in a guarded view. */
export const GUARD = 64;

/** A view in whose middle the frame lies; reads outside the frame throw. */
export function guarded(frame: ArrayLike<number>): DataView {
  const bytes = new Uint8Array(GUARD + frame.length + GUARD).fill(0xa5);
  bytes.set(frame, GUARD);
  const view = new DataView(bytes.buffer);
  const end = GUARD + frame.length;
  const check = (at: number, size: number) => {
    if (at < GUARD || at + size > end) throw new Error(`read ${size} bytes at ${at} of ${end}`);
  };
  const guard: Pick<DataView, "getUint8" | "getUint16" | "getInt32" | "getUint32"> = {
    getUint8: (at) => (check(at, 1), view.getUint8(at)),
    getUint16: (at, little) => (check(at, 2), view.getUint16(at, little)),
    getInt32: (at, little) => (check(at, 4), view.getInt32(at, little)),
    getUint32: (at, little) => (check(at, 4), view.getUint32(at, little)),
  };
  return guard as DataView;
}
