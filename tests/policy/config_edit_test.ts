/** Changes: whole or not at all, in kernel and file alike. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { ReloadAnswer } from "../../engine/control/client.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { checkConfig } from "../../engine/policy/config.ts";
import { editConfig, replaceConfig } from "../../engine/policy/config_edit.ts";
import { MAX_CONFIG_BYTES } from "../../engine/policy/config_file.ts";
import { LIMITS } from "../../engine/policy/limits.ts";
import { noteChecked } from "../../engine/policy/long_list.ts";
import { quickConfigOf } from "../../engine/policy/quick_config.ts";
import { addAddresses, overlaps, removeAddresses } from "../../engine/policy/edit_lists.ts";
import {
  addRule,
  moveRule,
  removeRules,
  replaceRule,
  toggleRule,
} from "../../engine/policy/edit_rules.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";
import { covers, PrefixList } from "../../engine/net/prefix_list.ts";
import { formatPrefix, parsePrefix } from "../../engine/net/address.ts";
import fc from "fast-check";

const stopped = (): Promise<ReloadAnswer> => Promise.resolve({ running: false });
const answering = (answer: ReloadAnswer) => () => Promise.resolve(answer);

async function withFile(text: string, work: (file: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pfw-test-" });
  const file = join(directory, "firewall_rules.json");
  try {
    await Deno.writeTextFile(file, text, { mode: 0o640 });
    await work(file);
    const left = [...Deno.readDirSync(directory)].map(({ name }) => name);
    deepEqual(left.filter((name) => name.endsWith(".tmp")), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const TEXT = `{ "logging": {"retention":"1h"},
  "blacklist_ips": ["192.0.2.1"], "rules": [{"action":"block","name":"a"}] }`;

Deno.test("config edit: keeps what it does not change, the order of keys and the permissions", () =>
  withFile(TEXT, async (file) => {
    const add = (draft: ConfigDraft) => addAddresses(draft, "blacklist", ["192.0.2.2"]);
    const edited = await editConfig({ config: file }, add, stopped);
    deepEqual([edited.changed, edited.answer], [true, { running: false }]);
    equal(
      await Deno.readTextFile(file),
      `{
  "logging": {
    "retention": "1h"
  },
  "blacklist_ips": ["192.0.2.1", "192.0.2.2"],
  "rules": [
    {
      "action": "block",
      "name": "a"
    }
  ]
}
`,
    );
    equal((await Deno.stat(file)).mode! & 0o7777, 0o640);
  }));

Deno.test("config edit: a link stays a link", () =>
  withFile(TEXT, async (file) => {
    const link = `${file}.link`;
    await Deno.symlink(file, link);
    await editConfig({ config: link }, (draft) =>
      addAddresses(draft, "blacklist", ["192.0.2.2"]), stopped);
    ok((await Deno.lstat(link)).isSymlink);
    ok((await Deno.readTextFile(file)).includes("192.0.2.2"));
  }));

Deno.test("config edit: without a change nothing is written and nobody is asked", () =>
  withFile(TEXT, async (file) => {
    const edited = await editConfig(
      { config: file },
      (draft) => addAddresses(draft, "blacklist", ["192.0.2.1"]),
      () => Promise.reject(new Error("asked")),
    );
    equal(edited.changed, false);
    equal(await Deno.readTextFile(file), TEXT);
  }));

Deno.test("config edit: a refusal by the running pfw puts the old file back", () =>
  withFile(TEXT, async (file) => {
    let seen = "";
    const refuse = async (): Promise<ReloadAnswer> => {
      seen = await Deno.readTextFile(file);
      return { running: true, ok: false, error: "no such set" };
    };
    const add = (draft: ConfigDraft) => addAddresses(draft, "blacklist", ["192.0.2.2"]);
    await rejects(
      editConfig({ config: file }, add, refuse),
      /refused the change, .* taken back: no such set/,
    );
    ok(seen.includes("192.0.2.2"), "the running pfw must find the new file");
    equal(await Deno.readTextFile(file), TEXT);
    await rejects(
      editConfig({ config: file }, add, () => Promise.reject(new PfwError("no answer", "it fell"))),
      /taken back: no answer: it fell/,
    );
    equal(await Deno.readTextFile(file), TEXT);
    const done = { running: true, ok: true, summary: "" } as const;
    const edited = await editConfig({ config: file }, add, answering(done));
    deepEqual([edited.changed, edited.answer], [true, done]);
  }));

Deno.test("config edit: the process that takes it over puts the file in its place, or leaves it", () =>
  withFile(TEXT, async (file) => {
    const add = (draft: ConfigDraft) => addAddresses(draft, "blacklist", ["192.0.2.2"]);
    const refuse = { takeOver: () => Promise.reject(new Error("no such set")) };
    await rejects(
      editConfig({ config: file }, add, refuse),
      /refused the change, .* taken back: no such set/,
    );
    equal(await Deno.readTextFile(file), TEXT);
    let seen = "";
    const edited = await editConfig({ config: file }, add, {
      async takeOver({ after }, staged) {
        equal(await Deno.readTextFile(file), TEXT);
        await staged.sync();
        staged.place();
        seen = after;
        return { running: true, ok: true, summary: "", mode: "enforce" };
      },
    });
    ok(edited.changed && seen.includes("192.0.2.2"));
    equal(await Deno.readTextFile(file), seen);
    equal((await Deno.stat(file)).mode! & 0o7777, 0o640);
  }));

Deno.test("config edit: what would not be valid is not written", () =>
  withFile(TEXT, async (file) => {
    const breakIt = (draft: ConfigDraft) => {
      draft.rules!.push({ name: "b", action: "block", ports: [70_000] });
    };
    await rejects(editConfig({ config: file }, breakIt, stopped), (error) => {
      ok(error instanceof PfwError);
      equal(error.exitCode, ExitCode.usage);
      match(error.message, /rules\[1\]\.ports\[0\]: 70000 is not a port/);
      return true;
    });
    equal(await Deno.readTextFile(file), TEXT);
  }));

Deno.test("config edit: what no start would read is not written", () =>
  withFile(TEXT, async (file) => {
    const long = `{}${" ".repeat(MAX_CONFIG_BYTES)}`;
    await rejects(replaceConfig(file, long, stopped), /cannot make this change: .* 64 MB/);
    const most = Array<string>(LIMITS.addresses).fill("192.0.2.1");
    noteChecked(most);
    ok(quickConfigOf({ blacklist_ips: most }));
    const more = [...most, "192.0.2.2"];
    noteChecked(more);
    equal(quickConfigOf({ blacklist_ips: more }), undefined, "the schema has a say");
    equal(await Deno.readTextFile(file), TEXT);
  }));

Deno.test("config edit: a broken file is not edited", () =>
  withFile("{ broken", async (file) => {
    await rejects(editConfig({ config: file }, () => ok(false, "changed"), stopped), /cannot use/);
    equal(await Deno.readTextFile(file), "{ broken");
  }));

Deno.test("config edit: changes at once all arrive, and the file is valid at every moment", () =>
  withFile(TEXT, async (file) => {
    let done = false;
    const watch = (async () => {
      let reads = 0;
      for (; !done; reads++) {
        ok(checkConfig(await Deno.readTextFile(file)).ok);
        await new Promise((later) => setTimeout(later, 1));
      }
      return reads;
    })();
    const add = (at: number) =>
      editConfig(
        { config: file },
        (draft) => addAddresses(draft, "blacklist", [`198.51.100.${at}`]),
        stopped,
      );
    await Promise.all(Array.from({ length: 50 }, (_, at) => add(at)));
    done = true;
    ok(await watch > 10);
    const checked = checkConfig(await Deno.readTextFile(file));
    ok(checked.ok);
    equal(checked.config.blacklist_ips.length, 51);
  }));

const rules = (...names: string[]): ConfigDraft => ({
  rules: names.map((name) => ({ name, action: "block" })),
});
const namesOf = (draft: ConfigDraft) => draft.rules!.map(({ name }) => name).join("");

Deno.test("config edit: rules are added at a position, moved, switched and removed", () => {
  const draft = rules("a", "b", "c");
  equal(addRule(draft, { name: "d", action: "allow" }, 2).number, 2);
  equal(namesOf(draft), "adbc");
  deepEqual(addRule(draft, { name: "d", action: "allow", ports: [] }, 4).number, 2);
  equal(namesOf(draft), "adbc");
  moveRule(draft, 4, 1);
  equal(namesOf(draft), "cadb");
  equal(toggleRule(draft, 2).rule.enabled, false);
  equal(toggleRule(draft, 2).rule.enabled, true);
  equal(toggleRule(draft, 2, true).rule.enabled, true);
  equal(toggleRule(draft, 2, false).rule.enabled, false);
  deepEqual(removeRules(draft, [4, 1, 1]).map(({ number, rule }) => [number, rule.name]), [
    [1, "c"],
    [4, "b"],
  ]);
  equal(namesOf(draft), "ad");
});

Deno.test("config edit: a rule in the place of another is on or off as that was", () => {
  const draft = rules("a");
  toggleRule(draft, 1);
  equal(replaceRule(draft, 1, { name: "b", action: "allow" }).rule.enabled, false);
  equal(replaceRule(draft, 1, { name: "c", action: "allow", enabled: true }).rule.enabled, true);
});

Deno.test("config edit: numbers that are no rule's are refused, and nothing is changed", () => {
  const draft = rules("a", "b");
  const refused = /there is no rule \d+: there are 2 rules|position 4 is past the end/;
  for (
    const change of [
      () => removeRules(draft, [1, 3]),
      () => toggleRule(draft, 3),
      () => moveRule(draft, 1, 3),
      () => moveRule(draft, 3, 1),
      () => addRule(draft, { name: "c", action: "block" }, 4),
    ]
  ) {
    let error: unknown;
    try {
      change();
    } catch (thrown) {
      error = thrown;
    }
    ok(error instanceof PfwError);
    match(error.message, refused);
    equal(error.exitCode, ExitCode.usage);
    equal(namesOf(draft), "ab");
  }
});

Deno.test("config edit: addresses are kept in one spelling, once", () => {
  const draft: ConfigDraft = { blacklist_ips: ["2001:DB8:0::1"] };
  const { added, alreadyThere } = addAddresses(draft, "blacklist", [
    "2001:db8::1",
    "10.1.2.3/8",
    "10.0.0.0/8",
    "::ffff:192.0.2.9",
  ]);
  deepEqual(added, ["10.0.0.0/8", "192.0.2.9"]);
  deepEqual(alreadyThere, ["2001:db8::1", "10.0.0.0/8"]);
  deepEqual(removeAddresses(draft, "blacklist", ["2001:db8:0:0::1", "10.0.0.0/8"]), [
    "2001:db8::1",
    "10.0.0.0/8",
  ]);
  deepEqual(draft.blacklist_ips, ["192.0.2.9"]);
});

Deno.test("config edit: adding to a list that the file leaves out keeps its default", () => {
  const draft: ConfigDraft = {};
  addAddresses(draft, "whitelist", ["192.0.2.1"]);
  deepEqual(draft.whitelist_ips, ["127.0.0.1", "::1", "192.0.2.1"]);
});

Deno.test("config edit: overlaps with the other list are found, as a naive search finds them", () => {
  const short = fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 26, max: 32 }))
    .map(([low, length]) => formatPrefix(parsePrefix(`10.0.0.${low * 9}/${length}`)!));
  fc.assert(fc.property(fc.array(short), short, (list, address) => {
    const prefix = parsePrefix(address)!;
    const naive = list.some((entry) =>
      covers(parsePrefix(entry)!, prefix) || covers(prefix, parsePrefix(entry)!)
    );
    equal(overlaps([address], PrefixList.parse(list)).length, naive ? 1 : 0);
  }));
});
