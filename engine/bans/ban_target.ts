/** Which prefix a detection's source is banned by. */
import type { Prefix } from "../net/address.ts";
import type { Ban } from "./ban.ts";
import type { BanIndex } from "./ban_index.ts";
import { NETWORK_LENGTHS, type Networks, widened } from "./networks.ts";

/** So many parts of a network banned within `WIDENING_SPAN` get it banned whole. */
const PARTS_FOR_WHOLE = 3;

/** Milliseconds: an hour. */
export const WIDENING_SPAN = 3_600_000;

/** What is looked at. */
export interface TargetQuestion {
  readonly index: BanIndex;
  readonly networks: Networks;
  /** Whether a prefix holds nothing that is protected. */
  readonly isFree: (prefix: Prefix) => boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What to ban. */
export interface BanTarget {
  readonly prefix: Prefix;
  /** The parts for which it is banned whole; empty where it is not for its parts. */
  readonly parts: readonly Prefix[];
}

/** The /64 of an IPv6 source; anything else is a source as it stands. */
export function sourceNetwork(source: Prefix): Prefix {
  return source.family === 6 && source.length > 64 ? widened(source, 64) : source;
}

/**
 * The narrowest prefix that stops the source: its own, or the network whose parts it uses one after
 * another. Never one that is not free; `undefined` where none is.
 *
 * @param held the automatic ban that holds the source already
 */
export function targetOf(
  source: Prefix,
  held: Ban | undefined,
  question: TargetQuestion,
): BanTarget | undefined {
  const candidates = [held?.prefix, sourceNetwork(source), source];
  let prefix = candidates.find((one) => one !== undefined && question.isFree(one));
  if (!prefix) return undefined;
  let parts: readonly Prefix[] = [];
  for (let wider = whole(prefix, question); wider; wider = whole(prefix, question)) {
    ({ prefix, parts } = wider);
  }
  return { prefix, parts };
}

/** The next wider network with its parts, where enough of those were banned of late. */
function whole(part: Prefix, question: TargetQuestion): BanTarget | undefined {
  const { index, networks, isFree, now } = question;
  const step = part.family === 6 ? NETWORK_LENGTHS.findIndex((one) => one === part.length) : -1;
  if (step <= 0) return undefined;
  const prefix = widened(part, NETWORK_LENGTHS[step - 1]);
  const others = networks.recent(prefix, now - WIDENING_SPAN)
    .filter((other) => other.words.some((word, at) => word !== part.words[at]));
  if (others.length + 1 < PARTS_FOR_WHOLE || !isFree(prefix)) return undefined;
  // What a person decided about that network stands.
  if (index.get(prefix)?.cause === "manual") return undefined;
  return { prefix, parts: [...others, part] };
}
