/**
 * Whoever has one IPv6 address mostly has a /64, often a /56 or /48 of them, and may send from
 * each: so a network is banned whole once enough of its parts were (BCOP 690 on what providers
 * give). This tells which parts of a network were banned of late.
 */
import { formatPrefix, maskWord, type Prefix } from "../net/address.ts";
import { comparePrefixes } from "../net/prefix_list.ts";

/** The lengths that bans of IPv6 sources have, the widest first. */
export const NETWORK_LENGTHS = [48, 56, 64] as const;

/** A network, and those in it that were banned. */
interface Network {
  readonly prefix: Prefix;
  /** When its last ban began, milliseconds since 1970; `undefined`: only parts of it were banned. */
  since: number | undefined;
  readonly parts: Map<string, Network>;
}

/** The first `length` bits of a prefix that is at least as long. */
export function widened({ family, words }: Prefix, length: number): Prefix {
  const [w0, w1, w2, w3] = words;
  const masked: Prefix["words"] = [
    w0 & maskWord(length),
    w1 & maskWord(length - 32),
    w2 & maskWord(length - 64),
    w3 & maskWord(length - 96),
  ];
  return { family, words: masked, length };
}

/** What is noted is as much as the book and its memory hold: they say what to forget. */
export class Networks {
  readonly #networks = new Map<string, Network>();

  /** Notes when the last ban of a prefix began; what is no IPv6 network of ours is passed over. */
  note(prefix: Prefix, since: number): void {
    const path = pathTo(prefix);
    let parts = this.#networks, network: Network | undefined;
    for (const { key, prefix } of path) {
      network = parts.get(key);
      if (!network) parts.set(key, network = { prefix, since: undefined, parts: new Map() });
      parts = network.parts;
    }
    if (network) network.since = since;
  }

  /** Forgets a prefix, not what was noted of its parts. */
  forget(prefix: Prefix): void {
    const path = pathTo(prefix);
    if (path.length > 0) forgetIn(this.#networks, path, 0);
  }

  /** The parts of a network, one step narrower, that were banned after `after`, the first first. */
  recent(network: Prefix, after: number): Prefix[] {
    const found: { prefix: Prefix; since: number }[] = [];
    for (const { prefix, since } of this.#find(network)?.parts.values() ?? []) {
      if (since !== undefined && since > after) found.push({ prefix, since });
    }
    found.sort((a, b) => a.since - b.since || comparePrefixes(a.prefix, b.prefix));
    return found.map(({ prefix }) => prefix);
  }

  /** Everything noted that lies within a network, itself left out. */
  within(network: Prefix): Prefix[] {
    const start = this.#find(network);
    return start ? partsOf(start) : [];
  }

  #find(prefix: Prefix): Network | undefined {
    let parts = this.#networks, network: Network | undefined;
    for (const { key } of pathTo(prefix)) {
      network = parts.get(key);
      if (!network) return undefined;
      parts = network.parts;
    }
    return network;
  }
}

interface Step {
  readonly key: string;
  readonly prefix: Prefix;
}

/** The networks that a prefix lies in, from the widest to itself; none for other prefixes. */
function pathTo(prefix: Prefix): Step[] {
  if (prefix.family !== 6 || !NETWORK_LENGTHS.some((length) => length === prefix.length)) return [];
  return NETWORK_LENGTHS.filter((length) => length <= prefix.length).map((length) => {
    const network = widened(prefix, length);
    return { key: formatPrefix(network), prefix: network };
  });
}

function forgetIn(parts: Map<string, Network>, path: readonly Step[], at: number): void {
  const network = parts.get(path[at].key);
  if (!network) return;
  if (at === path.length - 1) network.since = undefined;
  else forgetIn(network.parts, path, at + 1);
  if (network.since === undefined && network.parts.size === 0) parts.delete(path[at].key);
}

function partsOf({ parts }: Network): Prefix[] {
  const found: Prefix[] = [];
  for (const part of parts.values()) {
    if (part.since !== undefined) found.push(part.prefix);
    found.push(...partsOf(part));
  }
  return found;
}
