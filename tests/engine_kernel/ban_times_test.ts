/** Which entries of the kernel's sets bans are, and until when. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  BanTimes,
  LONGEST_TIMEOUT,
  MAX_BANS,
  TIME_TOLERANCE,
  timeoutOf,
} from "../../engine/kernel/ban_times.ts";
import { entryTexts, type SetPlan } from "../../engine/kernel/plan.ts";
import { formatPrefix, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  ok(parsed, text);
  return parsed;
}

function set(family: 4 | 6, policy: string[] = []): SetPlan {
  return { name: `pfw-ban${family}`, family, prefixes: PrefixList.parse(policy), timeout: true };
}

function many(count: number, until: number) {
  return Array.from({ length: count }, (_, at) => ({
    prefix: { family: 4, words: [at, 0, 0, 0], length: 32 } as const,
    until,
  }));
}

const anyPrefix = fc.constantFrom(
  "0.0.0.0/0",
  "0.0.0.0/1",
  "128.0.0.0/1",
  "192.0.2.0/24",
  "192.0.2.1",
  "::/0",
  "8000::/1",
  "2001:db8::/64",
).map(prefix);
const anyStep = fc.record({
  add: fc.array(fc.record({ prefix: anyPrefix, hours: fc.integer({ min: -1, max: 3 }) })),
  remove: fc.array(anyPrefix),
  isUndone: fc.boolean(),
});

/** The obvious way: every ban in a list, everything worked out anew. */
function naiveEntries(bans: Map<string, number>, family: 4 | 6, policy: string[]) {
  const entries = new Map<string, number>();
  for (const [text, until] of bans) {
    if (prefix(text).family !== family) continue;
    const halves = family === 4 ? ["0.0.0.0/1", "128.0.0.0/1"] : ["::/1", "8000::/1"];
    for (const entry of text.endsWith("/0") ? halves : [text]) {
      entries.set(entry, Math.max(entries.get(entry) ?? 0, until));
    }
  }
  for (const entry of entryTexts(set(family, policy))) entries.set(entry, Infinity);
  return new Map([...entries].sort());
}

Deno.test("bans that come, go and are taken back are those of a plain list", () => {
  const policies = fc.constantFrom<string[]>([], ["192.0.2.0/24"], ["0.0.0.0/0", "2001:db8::/64"]);
  fc.assert(fc.property(fc.array(anyStep), policies, (steps, policy) => {
    const times = new BanTimes();
    let bans = new Map<string, number>();
    for (const { add, remove, isUndone } of steps) {
      const added = add.map(({ prefix, hours }) => ({ prefix, until: NOW + hours * HOUR }));
      const next = new Map(bans);
      for (const one of remove) next.delete(formatPrefix(one));
      for (const { prefix, until } of added) {
        if (until > NOW) next.set(formatPrefix(prefix), until);
        else next.delete(formatPrefix(prefix));
      }
      const change = times.change(added, remove, NOW);
      if (isUndone) times.revert(change);
      else bans = next;
      for (const family of [4, 6] as const) {
        const wanted = naiveEntries(bans, family, policy);
        const plan = set(family, policy);
        deepEqual(new Map([...times.entriesOf(plan)].sort()), wanted);
        const changed = change.map(({ prefix }) => prefix);
        for (const [entry, until] of times.entriesFor(changed, plan)) {
          equal(until, wanted.get(entry) ?? 0);
        }
      }
    }
  }));
});

Deno.test("what is over is forgotten once the kernel has forgotten it", () => {
  const times = new BanTimes([
    { prefix: prefix("192.0.2.1"), until: NOW },
    { prefix: prefix("192.0.2.2"), until: NOW + HOUR },
    { prefix: prefix("2001:db8::1"), until: NOW },
  ]);
  deepEqual(times.countsOf(set(4), NOW), { least: 1, most: 2 });
  deepEqual(times.countsOf(set(4, ["198.51.100.1"]), NOW + HOUR), { least: 1, most: 3 });
  deepEqual(times.forgetPast(NOW + TIME_TOLERANCE), []);
  deepEqual(times.forgetPast(NOW + TIME_TOLERANCE + 1).map(formatPrefix), [
    "192.0.2.1",
    "2001:db8::1",
  ]);
  deepEqual(times.countsOf(set(4), NOW), { least: 1, most: 1 });
  deepEqual(times.countsOf(set(6), NOW), { least: 0, most: 0 });
});

Deno.test("there is room for so many bans and no more", () => {
  const full = new BanTimes([
    ...many(MAX_BANS, NOW + 2 * HOUR),
    { prefix: prefix("192.0.2.1"), until: NOW + HOUR },
  ]);
  equal(full.entriesOf(set(4)).size, MAX_BANS);
  equal(full.entriesOf(set(4)).has("192.0.2.1"), false, "those that last longest are taken");
  const one = [{ prefix: prefix("192.0.2.1"), until: NOW + HOUR }], seven = prefix("0.0.0.7");
  equal(full.hasRoomFor(many(MAX_BANS, NOW), [], NOW), true, "the same ones again");
  equal(full.hasRoomFor(one, [], NOW), false);
  equal(full.hasRoomFor(one, [seven], NOW), true, "one gives way to it");
  equal(full.hasRoomFor(one, [prefix("192.0.2.1")], NOW), false, "it gives way to itself");
  equal(full.hasRoomFor([...one, ...one], [seven, seven], NOW), true);
  equal(full.hasRoomFor(one, [], NOW + 2 * HOUR), true, "all others are over");
  full.change([], [seven], NOW);
  equal(full.hasRoomFor(one, [], NOW), true);
});

Deno.test("bans that come later than the first look are forgotten in their time, too", () => {
  const times = new BanTimes([{ prefix: prefix("192.0.2.1"), until: NOW + 2 * HOUR }]);
  deepEqual(times.forgetPast(NOW), []);
  times.change([{ prefix: prefix("192.0.2.2"), until: NOW + HOUR }], [], NOW);
  deepEqual(times.forgetPast(NOW + HOUR), []);
  deepEqual(times.forgetPast(NOW + HOUR + TIME_TOLERANCE + 1).map(formatPrefix), ["192.0.2.2"]);
  deepEqual(times.forgetPast(NOW + 3 * HOUR).map(formatPrefix), ["192.0.2.1"]);
});

Deno.test("timeouts are whole seconds that the kernel takes", () => {
  equal(timeoutOf(Infinity, NOW), 0);
  equal(timeoutOf(NOW + 1, NOW), 1);
  equal(timeoutOf(NOW - HOUR, NOW), 1, "0 would be for ever");
  equal(timeoutOf(NOW + 600_001, NOW), 601);
  const years = { prefix: prefix("192.0.2.1"), until: NOW + 9_000 * HOUR };
  equal(timeoutOf(years.until, NOW), LONGEST_TIMEOUT);
  equal(new BanTimes([years]).outlastsKernel(NOW), true);
  equal(new BanTimes([years]).outlastsKernel(NOW + 8_999 * HOUR), false);
});
