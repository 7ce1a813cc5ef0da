/** The addresses that the benchmarks block: a real feed where there is one, else one like it. */
import { join } from "node:path";
import { formatPrefix, parsePrefix } from "../engine/net/address.ts";
import { Random } from "./random.ts";

/** Addresses to block. */
export interface Blacklist {
  readonly addresses: readonly string[];
  /** Where they are from, for the report. */
  readonly source: string;
}

/** The IPsum feed of August 2026 has so many. */
const SIZE = 120_430;

const FEED = join(import.meta.dirname!, "../../shared/feeds/ipsum.txt");

/** The IPsum feed that lies beside the repository, or as many addresses as spread out as its. */
export function readBlacklist(): Blacklist {
  const text = readFeed();
  if (text === undefined) return { addresses: madeUpAddresses(), source: "made up" };
  const addresses = text.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("\t", 1)[0]);
  return { addresses, source: "the IPsum feed" };
}

function readFeed(): string | undefined {
  try {
    return Deno.readTextFileSync(FEED);
  } catch {
    return undefined;
  }
}

/**
 * Attackers crowd in some networks: in the feed half of the addresses share 9,300 networks of 256,
 * the rest lie anywhere in what is routed.
 */
function madeUpAddresses(): string[] {
  const random = new Random(20260822);
  const crowded = Array.from({ length: 9_300 }, () => routable(random) & ~0xff);
  const words = new Set<number>();
  while (words.size < SIZE) {
    const word = random.share() < 1 / 2
      ? random.pick(crowded) | random.below(256)
      : routable(random);
    words.add(word);
  }
  return [...words].map((word) => formatPrefix({ family: 4, words: [word, 0, 0, 0], length: 32 }));
}

/** 1.0.0.0 to 223.255.255.255 without 10.0.0.0/8 and 127.0.0.0/8. */
function routable(random: Random): number {
  for (;;) {
    const word = random.word(), first = word >>> 24;
    if (first > 0 && first < 224 && first !== 10 && first !== 127) return word;
  }
}

/** IPv4 addresses as signed words. */
export function addressWords(addresses: readonly string[]): Int32Array {
  return Int32Array.from(addresses, (address) => {
    const prefix = parsePrefix(address);
    if (prefix?.family !== 4) throw new RangeError(`not an IPv4 address: ${address}`);
    return prefix.words[0];
  });
}
