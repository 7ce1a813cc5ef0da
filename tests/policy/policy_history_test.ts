/** What is remembered of policies, and what lies between two of them. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { diffPolicies, isSame } from "../../engine/policy/policy_diff.ts";
import { HISTORY_LIMITS, PolicyHistory } from "../../engine/policy/policy_history.ts";
import { type Config, type ConfigDraft, configSchema } from "../../engine/policy/schema.ts";

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pfw-test-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const filesIn = (directory: string) =>
  [...Deno.readDirSync(join(directory, "history"))].map(({ name }) => name)
    .filter((name) => !name.endsWith(".lock")).sort();

Deno.test("history: entries keep their numbers, the oldest go, the same text is no entry", () =>
  withDirectory(async (directory) => {
    const history = new PolicyHistory(directory);
    deepEqual(await history.entries(), []);
    const count = HISTORY_LIMITS.entries + 3;
    for (let at = 1; at <= count; at++) {
      await history.add(`text ${at}`, `command ${at}`, "me");
      await history.add(`text ${at}`, "again", "me");
    }
    const entries = await history.entries();
    deepEqual(entries.map(({ number }) => number), Array.from({ length: 20 }, (_, at) => at + 4));
    deepEqual([entries[0].command, entries[0].user, entries[0].bytes], ["command 4", "me", 6]);
    equal(await history.text(count), `text ${count}`);
    await rejects(history.text(3), /there is no entry 3: it has 4 to 23/);
    equal(filesIn(directory).length, 21);
    equal(Deno.statSync(join(directory, "history")).mode! & 0o777, 0o700);
    equal(Deno.statSync(join(directory, "history/index.json")).mode! & 0o777, 0o600);
  }));

Deno.test("history: what is added soon is there for whoever asks next, here and elsewhere", () =>
  withDirectory(async (directory) => {
    const history = new PolicyHistory(directory), failures: unknown[] = [];
    const failed = (error: unknown) => failures.push(error);
    await history.addSoon("a", "first", "me", failed);
    equal(filesIn(directory).length, 0, "nobody has waited for it yet");
    deepEqual((await new PolicyHistory(directory).entries()).map((one) => one.command), ["first"]);
    await history.addSoon("b", "second", "me", failed);
    equal(await history.text(2), "b");
    await history.addSoon("c", "third", "me", failed);
    await history.add("d", "fourth", "me");
    deepEqual((await history.entries()).map(({ number }) => number), [1, 2, 3, 4]);
    Deno.removeSync(join(directory, "history"), { recursive: true });
    Deno.writeTextFileSync(join(directory, "history"), "");
    await history.addSoon("e", "fifth", "me", failed);
    await history.settled();
    equal(failures.length, 1);
  }));

Deno.test("history: at once from several, each its number", () =>
  withDirectory(async (directory) => {
    const adds = Array.from(
      { length: 10 },
      (_, at) => new PolicyHistory(directory).add(`text ${at}`, "", ""),
    );
    await Promise.all(adds);
    const numbers = (await new PolicyHistory(directory).entries()).map(({ number }) => number);
    deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  }));

Deno.test("history: bytes are bounded, the newest stays", () =>
  withDirectory(async (directory) => {
    const history = new PolicyHistory(directory);
    const index = join(directory, "history/index.json");
    await history.add("a", "", "");
    const { entries } = JSON.parse(Deno.readTextFileSync(index));
    entries[0].stored = HISTORY_LIMITS.bytes;
    Deno.writeTextFileSync(index, JSON.stringify({ entries }));
    await history.add("b", "", "");
    deepEqual((await history.entries()).map(({ number }) => number), [2]);
    deepEqual(filesIn(directory), ["2.gz", "index.json"]);
  }));

Deno.test("history: a damaged entry is told, a damaged index stands in nobody's way", () =>
  withDirectory(async (directory) => {
    const history = new PolicyHistory(directory);
    await history.add("a", "", "");
    Deno.writeTextFileSync(join(directory, "history/1.gz"), "nothing that gzip wrote");
    await rejects(history.text(1), /cannot read entry 1 of the history/);
    for (const damaged of ["", "{", "[]", '{"entries": [{"number": "1"}]}']) {
      Deno.writeTextFileSync(join(directory, "history/index.json"), damaged);
      deepEqual(await history.entries(), [], damaged);
    }
    await history.add("b", "", "");
    equal(await history.text(1), "b");
  }));

/** A text of 100 kB that says a number. */
const longText = (at: number) => {
  const lines = Array.from({ length: 5_000 }, (_, line) => `${line} line of a long list`);
  lines.splice(at * 3, at % 3, `ünlike ${at} 𝄞`);
  return lines.join("\n");
};

Deno.test("history: long texts are kept as what differs, and each comes back to the letter", () =>
  withDirectory(async (directory) => {
    const history = new PolicyHistory(directory);
    const count = 45;
    for (let at = 1; at <= count; at++) await history.add(longText(at), `command ${at}`, "me");
    const entries = await new PolicyHistory(directory).entries();
    deepEqual(entries.map(({ number }) => number), Array.from({ length: 20 }, (_, at) => at + 26));
    const whole = entries.filter(({ stored }) => stored > 10_000);
    ok(whole.length >= 1 && whole.length <= 2, `${whole.length} are kept whole`);
    for (const { number } of entries) {
      equal(await new PolicyHistory(directory).text(number), longText(number));
    }
    // Not one for each change since the beginning: 20, what they build on, and the index.
    ok(filesIn(directory).length <= 20 + 17 + 1);
    ok(entries.every((entry) => !("base" in entry)), "how it is kept is nobody's business");
  }));

Deno.test("history: of several that add long texts none builds on what another does not have", () =>
  withDirectory(async (directory) => {
    const histories = [new PolicyHistory(directory), new PolicyHistory(directory)];
    for (let at = 1; at <= 12; at++) await histories[at % 5 % 2].add(longText(at), "", "");
    for (let at = 1; at <= 12; at++) equal(await histories[0].text(at), longText(at));
    await Deno.remove(join(directory, "history"), { recursive: true });
    for (const history of histories) await history.add(longText(12), "", "");
    deepEqual((await histories[1].entries()).map(({ number }) => number), [1]);
    equal(await histories[1].text(1), longText(12));
  }));

Deno.test("history: where a base is gone its entries are told, and new ones can be added", () =>
  withDirectory(async (directory) => {
    const history = new PolicyHistory(directory);
    for (let at = 1; at <= 3; at++) await history.add(longText(at), "", "");
    const index = join(directory, "history/index.json");
    const { entries } = JSON.parse(Deno.readTextFileSync(index));
    Deno.writeTextFileSync(index, JSON.stringify({ entries: entries.slice(1), bases: [] }));
    await rejects(history.text(3), /cannot read entry 3 of the history/);
    await history.add(longText(4), "", "");
    equal(await history.text(4), longText(4));
  }));

const configOf = (draft: ConfigDraft): Config => configSchema.parse(draft);

Deno.test("diff: rules, lists and settings in words", () => {
  const from = configOf({
    rules: [
      { name: "a", action: "block", ports: [23] },
      { name: "b", action: "block" },
      { name: "c", action: "allow" },
      { name: "d", action: "allow", source_ips: ["2001:DB8::1"] },
    ],
    blacklist_ips: ["192.0.2.1", "198.51.100.7/24"],
  });
  const to = configOf({
    default_policy: "block",
    rules: [
      { name: "d", action: "allow", source_ips: ["2001:db8:0::1"] },
      { name: "a", action: "block", ports: [23, 24], enabled: false },
      { name: "c", action: "allow" },
      { name: "e", action: "block" },
    ],
    blacklist_ips: ["198.51.100.0/24", "203.0.113.9"],
    logging: { retention: "1d" },
  });
  const diff = diffPolicies(from, to);
  deepEqual(diff.rules.added.map(({ number, rule }) => [number, rule.name]), [[4, "e"]]);
  deepEqual(diff.rules.removed.map(({ number, rule }) => [number, rule.name]), [[2, "b"]]);
  deepEqual(diff.rules.changed.map(({ fields }) => fields), [
    ["ports [23] → [23,24]", "enabled true → false"],
  ]);
  deepEqual(diff.rules.moved, [{ name: "d", from: 4, to: 1 }]);
  deepEqual(diff.blacklist, { added: ["203.0.113.9"], removed: ["192.0.2.1"] });
  deepEqual(diff.whitelist, { added: [], removed: [] });
  deepEqual(diff.settings, ['default_policy "allow" → "block"', 'logging.retention "30d" → "1d"']);
  ok(isSame(diffPolicies(from, from)));
});

/** Length of a longest increasing subsequence by trying all subsets. */
function naiveStayed(numbers: readonly number[]): number {
  let best = 0;
  for (let subset = 0; subset < 1 << numbers.length; subset++) {
    const kept = numbers.filter((_, at) => subset & (1 << at));
    if (kept.every((number, at) => at === 0 || number > kept[at - 1])) {
      best = Math.max(best, kept.length);
    }
  }
  return best;
}

Deno.test("diff: a new order is told by the fewest moves", () => {
  const names = [0, 1, 2, 3, 4, 5, 6];
  const rules = (order: readonly number[]) =>
    configOf({ rules: order.map((name) => ({ name: `r${name}`, action: "block" })) });
  const orders = fc.shuffledSubarray(names, { minLength: names.length });
  fc.assert(fc.property(orders, (order) => {
    const { rules: { moved, added, removed, changed } } = diffPolicies(rules(names), rules(order));
    deepEqual([added, removed, changed], [[], [], []]);
    equal(moved.length, names.length - naiveStayed(order));
  }));
});

Deno.test("diff: what one direction adds, the other removes", () => {
  const drafts = fc.record({
    rules: fc.array(
      fc.record({
        name: fc.constantFrom("a", "b", "c"),
        action: fc.constantFrom("allow" as const, "block" as const),
        enabled: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
    blacklist_ips: fc.subarray(["192.0.2.1", "192.0.2.0/24", "2001:db8::1"]),
  });
  fc.assert(fc.property(drafts, drafts, (a, b) => {
    const there = diffPolicies(configOf(a), configOf(b));
    const back = diffPolicies(configOf(b), configOf(a));
    deepEqual(there.blacklist, { added: back.blacklist.removed, removed: back.blacklist.added });
    equal(there.rules.added.length, back.rules.removed.length);
    equal(there.rules.removed.length, back.rules.added.length);
    equal(isSame(there), isSame(back));
  }));
});
