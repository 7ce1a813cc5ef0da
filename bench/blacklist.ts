/** The addresses that the benchmarks block: a real feed where there is one, else one like it. */
import { join } from "node:path";
import { formatPrefix, parsePrefix } from "../engine/net/address.ts";
import { specialCause4 } from "../intel/special_ranges.ts";
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

/** An address that a feed may list: not a private one, nor one of no network. */
function routable(random: Random): number {
  for (;;) {
    const word = random.word();
    if (specialCause4(word, 32) === undefined) return word;
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
