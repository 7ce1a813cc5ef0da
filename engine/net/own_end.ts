/** From which of its addresses this machine speaks to another one. */
import { sourceTowards } from "../../ffi/route_source.ts";
import type { Prefix } from "./address.ts";

/** Our end towards an address, as the kernel would choose it; `undefined` where that is not known. */
export type OwnEnd = (address: Prefix) => Prefix | undefined;

/** Asks the kernel of the network that this process is in. */
export const ownEndTowards: OwnEnd = ({ family, words }) => {
  try {
    const found = sourceTowards(family, words);
    if (!found) return undefined;
    const [w0, w1 = 0, w2 = 0, w3 = 0] = found;
    return { family, words: [w0, w1, w2, w3], length: family === 4 ? 32 : 128 };
  } catch {
    // No libc that can be called: whoever asks has another way.
    return undefined;
  }
};
