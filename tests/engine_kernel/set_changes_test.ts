import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { Commands } from "../../engine/kernel/command.ts";
import { entryTexts, type SetPlan } from "../../engine/kernel/plan.ts";
import { setDifferences } from "../../engine/kernel/compare.ts";
import {
  renderCreate,
  renderEntries,
  renderReplacement,
} from "../../engine/kernel/render_ipset.ts";
import type { SavedSet } from "../../engine/kernel/saved_state.ts";
import { compareSets, type SetChanges } from "../../engine/kernel/set_changes.ts";
import type { Prefix } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";

function set(prefixes: PrefixList, timeout = false): SetPlan {
  return { name: "pfw-black4", family: 4, prefixes, timeout };
}

function header(entries: number): SavedSet {
  return {
    name: "pfw-black4",
    type: "hash:net",
    family: 4,
    timeout: false,
    maxEntries: 65536,
    entries,
    memory: 0,
  };
}

/** An ipset that holds these entries. */
function holding(entries: readonly string[]): Commands {
  const stdout = entries.map((entry) => `add pfw-black4 ${entry}\n`).join("");
  return { run: () => Promise.resolve({ status: 0, stdout, stderr: "" }) };
}

const NOTHING_RUN: Commands = { run: (argv) => Promise.reject(new Error(`ran ${argv[0]}`)) };

const NO_CHANGE: SetChanges = {
  create: [],
  replace: [],
  add: [],
  added: [],
  overwritten: [],
  remove: [],
  removed: [],
};

const prefix = fc.tuple(fc.nat(3), fc.nat(255), fc.constantFrom(0, 1, 8, 24, 31, 32))
  .map(([a, b, length]) => `${a * 60}.0.0.${b}/${length}`);
const list = fc.array(prefix, { maxLength: 12 }).map((texts) => PrefixList.parse(texts));

/** What the kernel holds after the changes. */
function result(
  before: Iterable<string>,
  { add, remove }: Awaited<ReturnType<typeof compareSets>>,
): string[] {
  const entries = new Set(before);
  for (const entry of add.flatMap((change) => [...change.entries])) entries.add(entry);
  for (const entry of remove.flatMap((change) => [...change.entries])) entries.delete(entry);
  return [...entries].sort();
}

Deno.test("a known set is changed by what differs, without reading it", async () => {
  await fc.assert(fc.asyncProperty(list, list, async (old, fresh) => {
    const before = [...entryTexts(set(old))];
    const changes = await compareSets(
      NOTHING_RUN,
      [set(fresh)],
      new Map([["pfw-black4", header(before.length)]]),
      new Map([["pfw-black4", set(old)]]),
    );
    deepEqual(result(before, changes), [...entryTexts(set(fresh))].sort());
    const wanted = new Set(entryTexts(set(fresh)));
    for (const entry of changes.add.flatMap((change) => [...change.entries])) {
      equal(before.includes(entry), false);
    }
    for (const entry of changes.remove.flatMap((change) => [...change.entries])) {
      equal(wanted.has(entry), false);
    }
  }));
});

Deno.test("a set that another run left is read and changed", async () => {
  await fc.assert(fc.asyncProperty(list, list, async (old, fresh) => {
    const before = [...entryTexts(set(old)), "192.0.2.0/30"];
    const changes = await compareSets(
      holding(before),
      [set(fresh)],
      new Map([["pfw-black4", header(before.length)]]),
      new Map(),
    );
    deepEqual(result(before, changes), [...entryTexts(set(fresh))].sort());
    equal(changes.create.length, 0);
  }));
});

Deno.test("a missing set is created and filled", async () => {
  const wanted = set(PrefixList.parse(["192.0.2.1", "192.0.2.4/30"]));
  const { create, add } = await compareSets(NOTHING_RUN, [wanted], new Map(), new Map());
  deepEqual(create, [wanted]);
  equal(
    [...renderEntries("add", add)].join(""),
    "add pfw-black4 192.0.2.1\nadd pfw-black4 192.0.2.4/30\n",
  );
  equal(
    renderCreate(wanted),
    "create pfw-black4 hash:net family inet hashsize 64 maxelem 4194304",
  );
});

Deno.test("a set that grows a lot is filled beside the old one, then put in its place", async () => {
  const listOf = (count: number) =>
    PrefixList.from(Array.from({ length: count }, (_, at): Prefix => ({
      family: 4,
      words: [0x0b000000 + 5 * at, 0, 0, 0],
      length: 32,
    })));
  const wanted = set(listOf(10_000));
  for (const [there, isReplaced] of [[0, true], [4_000, true], [6_000, false]] as const) {
    const before = [...entryTexts(set(listOf(there))), ...(there > 0 ? ["192.0.2.0/24"] : [])];
    const { add, added, replace, remove } = await compareSets(
      holding(before),
      [wanted],
      new Map([["pfw-black4", header(before.length)]]),
      new Map(),
    );
    equal(replace.length, isReplaced ? 1 : 0);
    equal(add.length, isReplaced ? 0 : 1);
    equal([...added[0].entries].length, 10_000 - there);
    deepEqual(remove.flatMap(({ entries }) => [...entries]), there > 0 ? ["192.0.2.0/24"] : []);
  }
  const lines = [...renderReplacement(set(listOf(2)), ["192.0.2.0/24"])].join("").split("\n");
  deepEqual(lines, [
    "create pfw-black4-new hash:net family inet hashsize 64 maxelem 4194304",
    "flush pfw-black4-new",
    "add pfw-black4-new 11.0.0.0",
    "add pfw-black4-new 11.0.0.5",
    "add pfw-black4-new 192.0.2.0/24",
    "swap pfw-black4-new pfw-black4",
    "destroy pfw-black4-new",
    "",
  ]);
});

Deno.test("a set whose entries expire is created and left to those who know them", async () => {
  const bans = set(PrefixList.parse(["192.0.2.1"]), true);
  deepEqual(await compareSets(NOTHING_RUN, [bans], new Map(), new Map()), {
    ...NO_CHANGE,
    create: [bans],
  });
  equal(
    renderCreate(bans),
    "create pfw-black4 hash:net family inet hashsize 64 maxelem 4194304 timeout 0",
  );
});

Deno.test("a set with other properties is refused", async () => {
  const wanted = set(PrefixList.parse(["192.0.2.1"]));
  for (
    const change of [{ type: "hash:ip" }, { family: 6 as const }, { timeout: true }, {
      maxEntries: 0,
    }]
  ) {
    const present = new Map([["pfw-black4", { ...header(1), ...change }]]);
    await rejects(compareSets(NOTHING_RUN, [wanted], present, new Map()), /other properties/);
  }
});

Deno.test("what the kernel put into a set that it fills is left alone", async () => {
  const sources = { limit: 65_536, mask: 64 };
  const filled = {
    ...set(PrefixList.EMPTY, true),
    name: "pfw-rate6-5-60s",
    family: 6,
    sources,
  } as const;
  const missing = await compareSets(NOTHING_RUN, [filled], new Map(), new Map());
  deepEqual(missing, { ...NO_CHANGE, create: [filled] });
  equal(
    renderCreate(filled),
    "create pfw-rate6-5-60s hash:ip family inet6 hashsize 16384 maxelem 65536 timeout 0 netmask 64",
  );
  const there = {
    ...header(9_000),
    name: filled.name,
    family: 6,
    timeout: true,
    type: "hash:ip",
  } as const;
  const present = (change = {}) => new Map([[filled.name, { ...there, ...change }]]);
  deepEqual(await compareSets(NOTHING_RUN, [filled], present(), new Map()), NO_CHANGE);
  deepEqual(setDifferences(filled, present().get(filled.name)), []);
  deepEqual(setDifferences(filled, undefined), ["set pfw-rate6-5-60s is missing"]);
  await rejects(
    compareSets(NOTHING_RUN, [filled], present({ type: "hash:net" }), new Map()),
    /other properties/,
  );
});

Deno.test("long lists come in pieces that are whole lines", () => {
  const entries = Array.from({ length: 20_000 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
  const pieces = [...renderEntries("add", [{ name: "x", entries }])];
  equal(pieces.length > 1, true);
  equal(pieces.every((piece) => piece.endsWith("\n") && piece.length < 70_000), true);
  equal(pieces.join(""), entries.map((entry) => `add x ${entry}\n`).join(""));
});

Deno.test("packets are read while two long lists are compared", async () => {
  const every = (step: number) => {
    const words = Int32Array.from({ length: 300_000 }, (_, at) => (at * 8 + step) | 0);
    const lengths = new Uint8Array(words.length).fill(32);
    return PrefixList.fromArrays(words, lengths, new Int32Array(0), new Uint8Array(0));
  };
  const known = set(every(0)), wanted = set(every(1));
  const present = new Map([[known.name, { ...header(300_000), maxEntries: 400_000 }]]);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const changes = await compareSets(
    NOTHING_RUN,
    [wanted],
    present,
    new Map([[known.name, known]]),
  );
  clearInterval(timer);
  equal([...changes.remove[0].entries].length, 300_000);
  ok(turns > 0, "nothing else had its turn");
});
