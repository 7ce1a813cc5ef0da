/** What no automatic ban may touch. */
import { formatPrefix, maskWord, parsePrefix, type Prefix } from "../net/address.ts";
import { covers, type PrefixList } from "../net/prefix_list.ts";

/**
 * Sources that stand for nobody or for everybody: a forged packet from 0.0.0.0 would get DHCP
 * banned, one neighbour's scan from its link-local address all neighbours of the link (RFC 6890).
 */
const SHARED = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "224.0.0.0/3",
  "::/64",
  "fe80::/10",
  "ff00::/8",
].map((text) => parsePrefix(text)!);

/** Whether a prefix shares addresses with those that are no one's own. */
export function isShared(prefix: Prefix): boolean {
  return SHARED.some((shared) => covers(shared, prefix) || covers(prefix, shared));
}

/** Why a prefix may not be banned automatically, in words; `undefined`: it may. */
export function obstacleTo(prefix: Prefix, isProtected: PrefixList): string | undefined {
  if (isShared(prefix)) return `${formatPrefix(prefix)} is no address of a single host`;
  const held = overlapping(isProtected, prefix);
  return held && `${formatPrefix(held)} is whitelisted or this machine depends on it`;
}

/** An entry of the list that shares addresses with a prefix; `undefined`: none does. */
export function overlapping(list: PrefixList, prefix: Prefix): Prefix | undefined {
  // Entries are disjoint and ascending: of those that begin at or before the prefix's last
  // address, the last one alone can reach into it, or lies in it.
  const [e0, e1, e2, e3] = lastAddress(prefix);
  const at = prefix.family === 4 ? lastUpTo4(list.v4, e0) : lastUpTo6(list.v6, e0, e1, e2, e3);
  if (at < 0) return undefined;
  const entry = entryAt(list, prefix, at);
  return covers(entry, prefix) || covers(prefix, entry) ? entry : undefined;
}

function lastAddress({ family, words, length }: Prefix): number[] {
  return words.map((word, at) => family === 4 && at > 0 ? 0 : word | ~maskWord(length - 32 * at));
}

function entryAt(list: PrefixList, { family }: Prefix, at: number): Prefix {
  if (family === 4) return { family, words: [list.v4[at], 0, 0, 0], length: list.v4Lengths[at] };
  const [w0, w1, w2, w3] = list.v6.subarray(4 * at, 4 * at + 4);
  return { family, words: [w0, w1, w2, w3], length: list.v6Lengths[at] };
}

function lastUpTo4(words: Int32Array, word: number): number {
  let low = 0, high = words.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((words[middle] >>> 0) > (word >>> 0)) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function lastUpTo6(words: Int32Array, w0: number, w1: number, w2: number, w3: number): number {
  let low = 0, high = words.length / 4;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = 4 * middle;
    const above = words[at] !== w0
      ? (words[at] >>> 0) > (w0 >>> 0)
      : words[at + 1] !== w1
      ? (words[at + 1] >>> 0) > (w1 >>> 0)
      : words[at + 2] !== w2
      ? (words[at + 2] >>> 0) > (w2 >>> 0)
      : (words[at + 3] >>> 0) > (w3 >>> 0);
    if (above) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}
