/** Long lists of addresses, changed little by little: held against doing all of it anew. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { formatPrefix, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { checkConfig } from "../../engine/policy/config.ts";
import { addAddresses, removeAddresses } from "../../engine/policy/edit_lists.ts";
import { formatConfig } from "../../engine/policy/format_config.ts";
import { isKnownGood, LONG_LIST, prefixesOf } from "../../engine/policy/long_list.ts";
import {
  knownListsOf,
  quickConfig,
  quickConfigOf,
  quickConfigWith,
} from "../../engine/policy/quick_config.ts";
import { canonicalPrefix } from "../../engine/policy/rule_id.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";

/** Few networks, so that entries meet, cover and repeat one another. */
const arbitraryEntry = fc.oneof(
  fc.tuple(fc.nat(3), fc.nat(255), fc.constantFrom("", "/32", "/31", "/24", "/22"))
    .map(([net, host, length]) => `10.9.${net}.${host}${length}`),
  fc.tuple(fc.nat(3), fc.nat(255), fc.constantFrom("", "/128", "/120", "/64"))
    .map(([net, host, length]) => `2001:DB8::${net}:${host.toString(16)}${length}`),
);

/** Entries that no other one meets. */
const FILLER = Array.from({ length: LONG_LIST }, (_, at) => `172.16.${at >> 8}.${at & 255}`);

const arbitrarySteps = fc.array(
  fc.record({ adds: fc.boolean(), entries: fc.array(arbitraryEntry, { maxLength: 3 }) }),
  { maxLength: 12 },
);

Deno.test("long list: a list that was changed is what it would be anew, in prefixes and in text", () => {
  fc.assert(
    fc.property(fc.array(arbitraryEntry, { maxLength: 20 }), arbitrarySteps, (first, steps) => {
      let text = formatConfig({ rules: [], blacklist_ips: [...first, ...FILLER] });
      let known = knownListsOf(quickConfig(text)!.draft);
      for (const { adds, entries } of steps) {
        const { draft } = quickConfigWith(text, known)!;
        prefixesOf(draft.blacklist_ips!);
        const naive = new Set(draft.blacklist_ips!.map(canonicalPrefix));
        const there = entries.filter((entry) => naive.has(canonicalPrefix(entry)));
        if (adds) addAddresses(draft, "blacklist", entries);
        else removeAddresses(draft, "blacklist", there);
        text = formatConfig(draft);
        known = knownListsOf(draft);
        requireAsAnew(draft, text);
        for (const entry of entries.map(canonicalPrefix)) {
          const isThere = draft.blacklist_ips!.map(canonicalPrefix).includes(entry);
          equal(isThere, adds);
        }
      }
    }),
    { numRuns: 60 },
  );
});

function requireAsAnew(draft: ConfigDraft, text: string): void {
  const entries = draft.blacklist_ips!, copy = structuredClone(draft);
  ok(isKnownGood(entries));
  equal(text, formatConfig(copy));
  const anew = checkConfig(text);
  ok(anew.ok);
  deepEqual(anew.draft, draft);
  deepEqual(textsOf(prefixesOf(entries)), textsOf(PrefixList.parse([...entries])));
  deepEqual(quickConfigWith(text, knownListsOf(draft))!.config, anew.config);
  deepEqual(quickConfigOf(draft), anew.config);
}

const textsOf = (list: PrefixList) => [...list.texts(4), ...list.texts(6)];

Deno.test("long list: below the length from which lists are remembered it is a list like any other", () => {
  const draft: ConfigDraft = { blacklist_ips: FILLER.slice(0, LONG_LIST - 1) };
  addAddresses(draft, "blacklist", ["192.0.2.1"]);
  equal(draft.blacklist_ips!.length, LONG_LIST);
  removeAddresses(draft, "blacklist", ["192.0.2.1", FILLER[0]]);
  deepEqual(draft.blacklist_ips, FILLER.slice(1, LONG_LIST - 1));
});

Deno.test("long list: a bad entry, a repeated key or the key elsewhere is not taken for known", () => {
  const { draft } = quickConfig(formatConfig({ blacklist_ips: FILLER }))!;
  const known = knownListsOf(draft), text = formatConfig(draft);
  ok(quickConfigWith(text, known));
  const bad = text.replace('"172.16.0.9"', '"172.16.0.999"');
  equal(quickConfigWith(bad, known), undefined);
  equal(quickConfigWith(text.replace("{", '{ "blacklist_ips": [],'), known), undefined);
  const list = text.slice(text.indexOf("["), text.lastIndexOf("]") + 1);
  const elsewhere = `{ "rules": [{ "name": "a", "action": "block", "blacklist_ips": ${list} }] }`;
  equal(quickConfigWith(elsewhere, known), undefined);
  const inName = `{ "rules": [{ "name": "\\"blacklist_ips\\": [", "action": "block" }] }`;
  equal(quickConfigWith(inName, known)?.config.blacklist_ips.length, 0);
});

Deno.test("prefix list: one more and one less, as if built anew", () => {
  const prefix = arbitraryEntry.map((entry) => parsePrefix(entry)!);
  const isAddress = ({ family, length }: Prefix) => length === (family === 4 ? 32 : 128);
  fc.assert(fc.property(fc.array(prefix, { maxLength: 30 }), prefix, (prefixes, one) => {
    const list = PrefixList.from(prefixes);
    deepEqual(textsOf(list.plus(one)), textsOf(PrefixList.from([...prefixes, one])));
    if (!isAddress(one)) return;
    const rest = prefixes.filter((other) => formatPrefix(other) !== formatPrefix(one));
    deepEqual(textsOf(list.minus(one)), textsOf(PrefixList.from(rest)));
  }));
});
