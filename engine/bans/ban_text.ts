/** What bans keep of texts and evidence: bounded, and fit for a line of the log. */
import type { Evidence } from "../detect/detection.ts";
import { formatPrefix, type Prefix } from "../net/address.ts";

/** Characters of a reason. */
export const MAX_REASON = 200;

/** Entries of one ban's evidence, numbers in a list, characters of a text. */
const MAX_FIGURES = 20;
const MAX_NUMBERS = 32;
const MAX_TEXT = 400;

/** Parts of a network that its ban names. */
const NAMED_PARTS = 8;

/** What could forge lines, move a terminal's cursor or turn the direction of a text. */
export const CONTROL = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

/** A detector's reason as it is kept. */
export function reasonOf(
  text: string,
  { prefix, parts }: { prefix: Prefix; parts: readonly Prefix[] },
) {
  const clean = text.replace(CONTROL, " ");
  const suffix = parts.length === 0 ? "" : `; ${parts.length} networks of ${formatPrefix(prefix)}`;
  return clean.slice(0, MAX_REASON - suffix.length) + suffix;
}

/** A detector's evidence as it is kept, with the parts for which a network is banned whole. */
export function evidenceOf(evidence: Evidence, parts: readonly Prefix[]): Evidence {
  const kept = Object.entries(evidence).slice(0, MAX_FIGURES).map(([name, value]) => {
    if (typeof value === "string") return [name.slice(0, 40), value.slice(0, MAX_TEXT)];
    if (typeof value === "number") return [name.slice(0, 40), value];
    return [name.slice(0, 40), value.slice(0, MAX_NUMBERS)];
  });
  if (parts.length === 0) return Object.fromEntries(kept);
  const names = parts.slice(-NAMED_PARTS).map(formatPrefix).join(", ");
  return { ...Object.fromEntries(kept), networks: parts.length, prefixes: names };
}
