/** Where the addresses of a prefix lie among the stored ones, which an index holds in order. */
import type { SQLInputValue } from "node:sqlite";
import { addressBits, formatV6, maskWord, parsePrefix, type Prefix } from "../net/address.ts";
import { covers } from "../net/prefix_list.ts";

/** The least and the greatest value of a range, both in it. */
export type StoredRange = readonly [SQLInputValue, SQLInputValue];

/** Behind every text that begins in a certain way. */
const END = "\u{10ffff}";

/**
 * Ranges that hold every stored address of the prefix, and few others: `holds` tells them apart.
 * They may overlap.
 */
export function storedRanges(prefix: Prefix): StoredRange[] {
  const { family, words, length } = prefix;
  const texts = textRanges(asV6(prefix));
  if (family === 6) return texts;
  const numbers: StoredRange = length === 0
    ? [-(2 ** 31), 2 ** 31 - 1]
    : [words[0], words[0] | ~maskWord(length)];
  // The five groups of zeros in front are a text's longest run of them, whatever comes behind.
  return [numbers, ...texts.filter(([from]) => String(from).startsWith("::"))];
}

/**
 * Whether a stored address (signed word of IPv4, text of IPv6) lies in the prefix. One of IPv4 also
 * holds those that were written as IPv6 on the wire: who asks for them may write them either way.
 */
export function holds(prefix: Prefix, stored: unknown): boolean {
  if (typeof stored === "number") {
    return prefix.family === 4 && ((stored ^ prefix.words[0]) & maskWord(prefix.length)) === 0;
  }
  if (typeof stored !== "string") return false;
  const address = parsePrefix(stored);
  return address !== undefined && covers(asV6(prefix), asV6(address));
}

/** IPv4 as IPv6 maps it (RFC 4291, section 2.5.5.2), which is how the wire may have had it. */
function asV6(prefix: Prefix): Prefix {
  const { family, words: [word], length } = prefix;
  return family === 6 ? prefix : { family: 6, words: [0, 0, 0xffff, word], length: 96 + length };
}

/**
 * Ranges of texts. In the canonical text (RFC 5952, section 4.2) at most one run of two or more
 * zero groups is `::`. So an address of the prefix begins with the prefix's whole groups as they
 * are, or with one run of its zeros replaced, and a run at their end may go on behind them.
 */
function textRanges({ words, length }: Prefix): StoredRange[] {
  if (length === addressBits(6)) {
    const text = formatV6(...words);
    return [[text, text]];
  }
  const groups = Array.from(
    { length: 8 },
    (_, at) => (words[at >> 1] >>> (at & 1 ? 0 : 16)) & 0xffff,
  );
  const whole = Math.floor(length / 16);
  const known = groups.slice(0, whole), bits = length % 16;
  const [low, high] = [groups[whole], groups[whole] | (0xffff >> bits)];
  const ranges = [partialRange(known.map((group) => `${hex(group)}:`).join(""), low, high)];
  for (let start = 0; start <= whole; start++) {
    let end = start;
    while (end < whole && known[end] === 0) end++;
    const goesOn = end === whole && low === 0;
    if (end - start < 2 && !goesOn) continue;
    const before = known.slice(0, start).map(hex).join(":") + "::";
    const after = known.slice(end).map((group) => `${hex(group)}:`).join("");
    ranges.push(goesOn ? [before, before + END] : partialRange(before + after, low, high));
    start = end;
  }
  return ranges;
}

function hex(group: number): string {
  return group.toString(16);
}

/** What begins with `text` and goes on with a group between `low` and `high`. */
function partialRange(text: string, low: number, high: number): StoredRange {
  const [from, to] = [hex(low), hex(high)];
  // As long as one another they are in the order of their numbers; else nothing is known.
  return from.length === to.length ? [text + from, text + to + END] : [text, text + END];
}
