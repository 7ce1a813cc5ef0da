/** All feeds as one list, which of them lists an address, and what none of them may touch. */
import { FAMILIES, type Family, formatPrefix, type Prefix } from "../engine/net/address.ts";
import { isSameList, PrefixList } from "../engine/net/prefix_list.ts";
import type { FeedContent } from "./feed.ts";
import { indexOfAddress, overlapOf, unionOf, withoutOverlaps } from "./prefix_union.ts";

/** What a feed says, under its name. */
export interface NamedContent {
  readonly name: string;
  readonly content: FeedContent;
}

/** An entry of a feed. */
export interface Listing {
  readonly feed: string;
  /** The address or CIDR range that the feed lists. */
  readonly entry: string;
  /** As the feed counts it, 0 where it does not say. */
  readonly level: number;
  /** False for an entry that is refused because it holds a protected address. */
  readonly isApplied: boolean;
}

/** An entry of the merged list, as the database keeps it. */
export interface ThreatRow {
  /** Address or CIDR range. */
  readonly address: string;
  /** As its feed counts it, 0 where it does not say. */
  readonly level: number;
  /** The first feed that lists it. */
  readonly feed: string;
}

/** A feed's prefixes, less those that are refused as protected. */
interface Part extends NamedContent {
  readonly applied: PrefixList;
}

/** At most so many entries are named for one range. */
const MAX_LISTINGS = 1_000;

/** Immutable; made anew when a feed or what is protected changes. */
export class ThreatList {
  readonly #parts: readonly Part[];
  readonly #isProtected: PrefixList;
  /** Names, in the order of the configuration: `feedOf` answers with places in here. */
  readonly feeds: readonly string[];
  /** Entries of each feed that are refused because they hold a protected address, or lie in one. */
  readonly refusedProtected: ReadonlyMap<string, number>;
  /** Everything that may be applied, for kernel and matcher. */
  readonly list: PrefixList;

  private constructor(
    parts: readonly Part[],
    isProtected: PrefixList,
    refused: ReadonlyMap<string, number>,
    previous: PrefixList | undefined,
  ) {
    this.#parts = parts;
    this.#isProtected = isProtected;
    this.feeds = parts.map(({ name }) => name);
    this.refusedProtected = refused;
    const union = unionOf(parts.map(({ applied }) => applied));
    this.list = previous && isSameList(previous, union) ? previous : union;
  }

  /**
   * Merges feeds, the earlier ones before the later ones.
   *
   * @param isProtected addresses that stay free: an entry that shares one with them is refused whole
   * @param previous what was merged before: answered again where nothing changed, and `list` stays
   * the same object where its prefixes do, so that whoever enforces it can tell at a glance
   */
  static merge(
    feeds: readonly NamedContent[],
    isProtected: PrefixList,
    previous?: ThreatList,
  ): ThreatList {
    if (previous && previous.#isMergeOf(feeds, isProtected)) return previous;
    const refused = new Map<string, number>();
    const parts = feeds.map(({ name, content }) => {
      const { list, removed } = withoutOverlaps(content.list, isProtected);
      refused.set(name, removed);
      return { name, content, applied: list };
    });
    return new ThreatList(parts, isProtected, refused, previous?.list);
  }

  #isMergeOf(feeds: readonly NamedContent[], isProtected: PrefixList): boolean {
    return feeds.length === this.#parts.length &&
      feeds.every(({ name, content }, at) =>
        name === this.#parts[at].name && content === this.#parts[at].content
      ) && isSameList(isProtected, this.#isProtected);
  }

  /**
   * Place in `feeds` of the first one that has this address blocked, -1 where none does. Allocates
   * nothing: it is asked for every packet that the kernel reports.
   *
   * @param family 4 or 6; IPv4 uses `w0` alone
   */
  feedOf(family: number, w0: number, w1: number, w2: number, w3: number): number {
    for (let at = 0; at < this.#parts.length; at++) {
      if (indexOfAddress(this.#parts[at].applied, family, w0, w1, w2, w3) >= 0) return at;
    }
    return -1;
  }

  /** Every entry of every feed that shares an address with `range`; at most 1,000. */
  listings(range: Prefix): readonly Listing[] {
    const found: Listing[] = [];
    for (const { name, content, applied } of this.#parts) {
      const { first, end } = overlapOf(content.list, range);
      for (let at = first; at < end && found.length < MAX_LISTINGS; at++) {
        const entry = prefixAt(content.list, range.family, at);
        found.push({
          feed: name,
          entry: formatPrefix(entry),
          level: levelAt(content, range.family, at),
          isApplied: indexOfAddress(applied, entry.family, ...entry.words) >= 0,
        });
      }
    }
    return found;
  }

  /** The merged list entry by entry, in ascending order, IPv4 first. */
  *rows(): Generator<ThreatRow> {
    for (const family of FAMILIES) {
      for (const prefix of this.list.prefixes(family)) {
        const { name, content } = this.#parts[this.#firstWith(prefix)];
        const level = levelAt(content, family, overlapOf(content.list, prefix).first);
        yield { address: formatPrefix(prefix), level, feed: name };
      }
    }
  }

  /** The feed that the merged list has exactly this prefix of; one that covers it there is none. */
  #firstWith(prefix: Prefix): number {
    return this.#parts.findIndex(({ applied }) => {
      const at = indexOfAddress(applied, prefix.family, ...prefix.words);
      return at >= 0 && lengthsOf(applied, prefix.family)[at] === prefix.length;
    });
  }
}

function lengthsOf(list: PrefixList, family: Family): Uint8Array {
  return family === 4 ? list.v4Lengths : list.v6Lengths;
}

function levelAt({ list, levels }: FeedContent, family: Family, at: number): number {
  return levels[family === 4 ? at : list.count(4) + at];
}

function prefixAt(list: PrefixList, family: Family, at: number): Prefix {
  const { v6 } = list, length = lengthsOf(list, family)[at];
  if (family === 4) return { family, words: [list.v4[at], 0, 0, 0], length };
  const words: Prefix["words"] = [v6[4 * at], v6[4 * at + 1], v6[4 * at + 2], v6[4 * at + 3]];
  return { family, words, length };
}
