/** Buffers that a call on another thread uses: not every version of Deno keeps them for its time. */

const held = new Set<Uint8Array>();

/** Waits for a call that was given a buffer, and keeps that meanwhile. */
export async function holding<T>(buffer: Uint8Array, call: Promise<T>): Promise<T> {
  held.add(buffer);
  try {
    return await call;
  } finally {
    held.delete(buffer);
  }
}
