/** How much of the internet a feed blocks: a list of wide ranges cuts a machine off from it. */
import type { Family } from "../engine/net/address.ts";
import type { PrefixList } from "../engine/net/prefix_list.ts";

/**
 * The most that one feed may block, in ranges of a length: a quarter of the 224 of IPv4 unicast, and
 * of the eight that the registries give IPv6 from (2400::/12 to 2c00::/12 and those beside them; all
 * of 2000::/3 would be no measure, for most of it is nobody's). Real lists hold less than a tenth.
 */
const MOST = { 4: { ranges: 56, length: 8 }, 6: { ranges: 2, length: 12 } } as const;

const NAMES: readonly (readonly [Family, string])[] = [[4, "IPv4"], [6, "IPv6"]];

/** The families of which a list blocks too much, in words; empty where it does not. */
export function tooWide(list: PrefixList): string {
  return NAMES.filter(([family]) => {
    const { ranges, length } = MOST[family];
    const lengths = family === 4 ? list.v4Lengths : list.v6Lengths;
    let held = 0;
    for (let at = 0; at < lengths.length; at++) held += 2 ** (length - lengths[at]);
    return held > ranges;
  }).map(([, name]) => name).join(" and ");
}
