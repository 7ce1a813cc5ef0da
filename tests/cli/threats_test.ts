/** `pfw threats`, list, check and update, run as people run them. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { FeedState } from "../../intel/feed.ts";
import { Sandbox } from "../support/sandbox.ts";
import { feedFile, stateOf } from "./threats_support.ts";

const LEVELS = "203.0.114.1\t3\n203.0.114.2\t9\n203.0.114.3\t5\n203.0.114.4\t1\n";
const PLAIN = "203.0.114.0/24\n2a00:1450::/32 ; why\n10.1.2.3\nnonsense\n";

/** Two feeds, both fetched. */
async function fetched(box: Sandbox): Promise<void> {
  box.writeConfig({
    whitelist_ips: ["127.0.0.1", "203.0.114.3"],
    threat_feeds: [
      feedFile(box, "Levels", LEVELS, { format: "ipsum", minimum: 2 }),
      feedFile(box, "Ranges", PLAIN),
    ],
  });
  const { code, err } = await box.pfw("threats", "update");
  deepEqual([code, err], [0, ""]);
}

Deno.test("pfw threats update: without a running pfw into the copies of the next start", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [feedFile(box, "Ranges", PLAIN)] });
  const { code, out, err } = await box.pfw("threats", "update");
  deepEqual([code, err], [0, ""]);
  equal(
    out,
    "Ranges: 2 entries, 2 refused\n" +
      "2 entries fetched: pfw is not running and uses them from its next start\n",
  );
  const json = JSON.parse((await box.pfw("threats", "update", "ranges", "--json")).out);
  deepEqual([json.running, json.inKernel, json.entries, json.fault], [false, false, 2, null]);
  deepEqual(json.feeds.map((feed: FeedState) => [feed.name, feed.status, feed.error]), [
    ["Ranges", "ok", null],
  ]);
  match((await box.pfw("threats", "update")).out, /^Ranges: 2 entries, 2 refused, unchanged\n/);
  const files = [...Deno.readDirSync(`${box.paths.dataDir}/feeds`)];
  equal(files.length, 1);
  equal(Deno.statSync(`${box.paths.dataDir}/feeds/${files[0].name}`).mode! & 0o777, 0o600);
});

Deno.test("pfw threats update: a feed that fails ends with 1, and its old list stays", async () => {
  await using box = new Sandbox();
  await fetched(box);
  Deno.removeSync(box.path("Levels.feed"));
  const { code, out, err } = await box.pfw("threats", "update");
  equal(code, 1);
  match(
    out,
    /^Levels: kept the old list, 3 entries: .+\nRanges: 2 entries, 2 refused, unchanged\n/,
  );
  match(err, /^pfw: cannot update Levels: .*; the old list stays; see pfw threats feeds\n$/);
  equal(JSON.parse((await box.pfw("threats", "--json")).out).entries, 2);
  const both = await box.pfw("threats", "update", "Levels", "--json");
  deepEqual([both.code, JSON.parse(both.out).feeds[0].status], [1, "kept"]);
});

Deno.test("pfw threats update: unknown, disabled and missing feeds", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [{ ...feedFile(box, "Off", PLAIN), enabled: false }] });
  const none = await box.pfw("threats", "update");
  deepEqual([none.code, none.err], [0, ""]);
  match(none.out, /^no feed is enabled; see the known ones with: pfw threats feeds --verbose\n$/);
  deepEqual(JSON.parse((await box.pfw("threats", "update", "--json")).out).feeds, []);
  const unknown = await box.pfw("threats", "update", "Ofg");
  deepEqual([unknown.code, unknown.out], [2, ""]);
  match(unknown.err, /^pfw: there is no feed "Ofg": did you mean "Off"\?; see pfw threats feeds/);
  const off = await box.pfw("threats", "update", "off");
  equal(off.code, 1);
  match(
    off.err,
    /^pfw: cannot update Off: it is switched off; .*pfw threats feeds enable "Off"\n$/,
  );
});

const isRoot = Deno.uid() === 0;
Deno.test({
  name: `pfw threats: no permission ends with 4${isRoot ? " (left out: root may do all)" : ""}`,
  ignore: isRoot,
  fn: async () => {
    await using box = new Sandbox();
    box.writeConfig({ threat_feeds: [feedFile(box, "Ranges", PLAIN)] });
    Deno.mkdirSync(box.paths.dataDir, { mode: 0o500 });
    const update = await box.pfw("threats", "update");
    deepEqual([update.code, update.out], [4, ""]);
    match(update.err, /^pfw: cannot keep feeds in .*: permission denied; run it with sudo/);
    Deno.chmodSync(box.paths.dataDir, 0o700);
    Deno.mkdirSync(`${box.paths.dataDir}/feeds`, { mode: 0 });
    const check = await box.pfw("threats", "check", "203.0.114.1");
    Deno.chmodSync(`${box.paths.dataDir}/feeds`, 0o700);
    deepEqual([check.code, check.out], [4, ""]);
    match(check.err, /^pfw: cannot read the feeds in .*: permission denied; run it as the user/);
  },
});

Deno.test("pfw threats update: where nothing can be kept, nothing is fetched", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [feedFile(box, "Ranges", PLAIN)] });
  Deno.writeTextFileSync(box.paths.dataDir, "a file in the way");
  const { code, out, err } = await box.pfw("threats", "update");
  deepEqual([code, out], [1, ""]);
  match(err, /^pfw: cannot keep feeds in /);
});

/** A stand-in whose update goes through these answers. */
function updating(box: Sandbox, answers: readonly object[]): string[] {
  const seen: string[] = [];
  box.standIn((request, body) => {
    seen.push(`${request} ${body}`.trim());
    const at = Math.min(seen.length, answers.length) - 1;
    return [200, { entries: 7, updating: true, fault: null, mode: "enforce", ...answers[at] }];
  });
  return seen;
}

const HOSTILE = "A\u001b[2J<b>";

Deno.test("pfw threats update: a running pfw does it, and the kernel has it at the end", async () => {
  await using box = new Sandbox();
  const before = stateOf("Quick"), other = stateOf("Slow");
  box.writeConfig({ threat_feeds: [before, other].map(({ name, url }) => ({ name, url })) });
  const quick = stateOf("Quick", { fetchedAt: "2026-01-02T00:00:00.000Z", entries: 5 });
  const seen = updating(box, [
    { feeds: [stateOf("Quick", { status: "fetching", receivedBytes: 9 }), other] },
    { feeds: [quick, stateOf("Slow", { status: "fetching", receivedBytes: 9 })] },
    { feeds: [quick, other], updating: false },
  ]);
  const { code, out, err } = await box.pfw("threats", "update");
  deepEqual([code, err], [0, ""]);
  equal(
    out,
    "Quick: 5 entries\nSlow: 1,234 entries, unchanged\n7 entries in force in the kernel\n",
  );
  deepEqual(seen, ['POST /threats/update {"force":false}', "GET /threats", "GET /threats"]);
});

Deno.test("pfw threats update: never claims a kernel that does not have it", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [{ name: "A", url: "https://example.org/" }] });
  const over = { feeds: [stateOf("A")], updating: false };
  const answers: object[] = [over, over];
  const seen = updating(box, answers);
  answers.splice(0, 2, ...Array(2).fill({ ...over, mode: "monitor" }));
  match((await box.pfw("threats", "update", "a")).out, /7 entries: pfw only observes, and judges/);
  equal(seen[0], 'POST /threats/update {"names":["A"],"force":false}');
  seen.length = 0;
  answers.splice(0, 2, ...Array(2).fill({ ...over, fault: "ipset: no\u001b[2J room" }));
  const { code, out, err } = await box.pfw("threats", "update", "--force");
  deepEqual([code, seen[0]], [1, 'POST /threats/update {"force":true}']);
  equal(out.includes("in force"), false);
  equal(
    err,
    "pfw: the kernel does not have the newest lists: ipset: no\\x1b[2J room; see pfw status\n",
  );
  seen.length = 0;
  const json = JSON.parse((await box.pfw("threats", "update", "--json")).out);
  deepEqual([json.running, json.inKernel], [true, false]);
});

Deno.test("pfw threats update: several that fail, with names and errors of others", async () => {
  await using box = new Sandbox();
  const names = ["A", "B"];
  box.writeConfig({ threat_feeds: names.map((name) => ({ name, url: "https://example.org/" })) });
  const failed = { status: "kept", error: "answered 503\u0007" } as const;
  const feeds = [
    stateOf("A", failed),
    stateOf("B", { ...failed, fetchedAt: null, status: "never" }),
  ];
  updating(box, [{ feeds }, { feeds, updating: false }]);
  const { code, out, err } = await box.pfw("threats", "update");
  equal(code, 1);
  equal(
    out,
    "A: kept the old list, 1,234 entries: answered 503\\x07\nB: nothing yet: answered 503\\x07\n",
  );
  match(err, /^pfw: cannot update 2 of 2 feeds: A: answered 503\\x07, B: answered 503\\x07; .*\n$/);
});

Deno.test("pfw threats list: the worst first, with every feed, and limits", async () => {
  await using box = new Sandbox();
  await fetched(box);
  const { code, out, err } = await box.pfw("threats", "list");
  deepEqual([code, err], [0, ""]);
  match(out, /^address +level +feeds\n/);
  match(out, /^203\.0\.114\.0\/24 +- +Levels, Ranges$/m);
  match(out, /^2a00:1450::\/32 +- +Ranges$/m);
  match(out, /\n\n2 entries; pfw is not running\n$/);
  equal((await box.pfw("threats")).out, out);
  const json = JSON.parse((await box.pfw("threats", "--feed", "levels", "--json")).out);
  deepEqual(json, {
    entries: 3,
    shown: 3,
    threats: [
      { address: "203.0.114.2", level: 9, feeds: ["Levels", "Ranges"] },
      { address: "203.0.114.3", level: 5, feeds: ["Levels", "Ranges"] },
      { address: "203.0.114.1", level: 3, feeds: ["Levels", "Ranges"] },
    ],
  });
  const one = await box.pfw("threats", "list", "--feed", "Levels", "--limit", "1");
  match(one.out, /^203\.0\.114\.2 +9 +Levels, Ranges\n\n3 entries of Levels, 1 shown \(--limit 0/m);
});

Deno.test("pfw threats list: nothing fetched, nothing enabled, wrong words", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [feedFile(box, "Ranges", PLAIN)] });
  match((await box.pfw("threats")).out, /^Nothing has been fetched yet\. .*pfw threats update\n$/);
  deepEqual(JSON.parse((await box.pfw("threats", "--json")).out), {
    entries: 0,
    shown: 0,
    threats: [],
  });
  const cases: [words: string[], why: RegExp][] = [
    [["list", "--limit", "x"], /--limit "x" is no whole number/],
    [["--limit", "-1"], /--limit "-1" is no whole number/],
    [["list", "--feed", "Range"], /there is no feed "Range": did you mean "Ranges"\?/],
    [["chek", "203.0.114.1"], /"chek" is no command of `pfw threats`; did you mean "check"\?/],
    [["feeds", "lst"], /"lst" is no command of `pfw threats feeds`; did you mean "list"\?/],
    [["check"], /missing required argument 'address'/],
    [["check", "host.example"], /names are not resolved/],
  ];
  for (const [words, why] of cases) {
    const { code, out, err } = await box.pfw("threats", ...words);
    deepEqual([code, out], [2, ""], words.join(" "));
    match(err, why);
  }
  box.writeConfig({ threat_feeds: [] });
  match((await box.pfw("threats")).out, /^No feed is enabled\. /);
});

Deno.test("pfw threats check: every feed, the whitelist, and that nothing is blocked yet", async () => {
  await using box = new Sandbox();
  await fetched(box);
  const { code, out, err } = await box.pfw("threats", "check", "203.0.114.2", "198.51.100.1");
  deepEqual([code, err], [0, ""]);
  equal(
    out,
    "203.0.114.2 is listed by 2 feeds\n" +
      "feed    entry           level\n" +
      "Levels  203.0.114.2         9\n" +
      "Ranges  203.0.114.0/24      -\n" +
      "not blocked: pfw is not running\n\n" +
      "198.51.100.1 is listed by none of 2 feeds\n",
  );
  const white = await box.pfw("threats", "check", "203.0.114.3");
  match(white.out, /\nnot blocked: whitelisted \(203\.0\.114\.3\), the whitelist wins\n$/);
  const range = JSON.parse((await box.pfw("threats", "check", "203.0.114.0/30", "--json")).out);
  deepEqual(range, {
    address: "203.0.114.0/30",
    listed: true,
    feeds: [
      { feed: "Levels", entry: "203.0.114.1", level: 3 },
      { feed: "Levels", entry: "203.0.114.2", level: 9 },
      { feed: "Levels", entry: "203.0.114.3", level: 5 },
      { feed: "Ranges", entry: "203.0.114.0/24", level: 0 },
    ],
    whitelisted: false,
    protected: false,
    running: false,
    inForce: false,
  });
  const several = await box.pfw("threats", "check", "203.0.114.3,2a00:1450::1", "--json");
  deepEqual(
    JSON.parse(several.out).map((
      { address, whitelisted }: { address: string; whitelisted: boolean },
    ) => [address, whitelisted]),
    [["203.0.114.3", true], ["2a00:1450::1", false]],
  );
});

Deno.test("pfw threats check: a copy that is damaged is told of, and counts as none", async () => {
  await using box = new Sandbox();
  await fetched(box);
  const directory = `${box.paths.dataDir}/feeds`;
  const [file] = [...Deno.readDirSync(directory)].filter(({ name }) => name.startsWith("levels"));
  Deno.writeTextFileSync(`${directory}/${file.name}`, "pfw-feed 1 \u001b[2J");
  const { code, out, err } = await box.pfw("threats", "check", "203.0.115.1");
  deepEqual([code, out], [
    0,
    "203.0.115.1 is listed by none of 2 feeds (not fetched yet: Levels)\n",
  ]);
  match(err, /^pfw: warning: .*Levels.*\n$/);
});

Deno.test("pfw threats check: in force only when the running pfw says that the kernel has it", async () => {
  await using box = new Sandbox();
  await fetched(box);
  const answer = { feeds: [], entries: 2, updating: false, fault: null as string | null };
  let mode = "enforce";
  box.standIn(() => [200, { ...answer, mode }]);
  const check = async () =>
    (await box.pfw("threats", "check", "203.0.114.2")).out.split("\n").at(-2);
  equal(await check(), "blocked: in force in the kernel");
  equal(JSON.parse((await box.pfw("threats", "check", "203.0.114.2", "--json")).out).inForce, true);
  mode = "monitor";
  equal(await check(), "not blocked: pfw only observes");
  mode = "enforce";
  answer.fault = "ipset said no";
  match(await check() ?? "", /^perhaps not blocked: .*: ipset said no$/);
});

Deno.test("pfw threats: what feeds say cannot drive the terminal", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [{ name: "A", url: "https://example.org/" }] });
  const feeds = [stateOf(HOSTILE, { status: "kept", error: "\u001b]0;x\u0007\nsecond" })];
  box.standIn(() => [200, { feeds, entries: 1, updating: false, fault: null, mode: "enforce" }]);
  for (const words of [["feeds"], ["feeds", "--verbose"]]) {
    const { code, out } = await box.pfw("threats", ...words);
    equal(code, 0);
    ok(out.includes("A\\x1b[2J<b>") && out.includes("\\x1b]0;x\\x07\\x0asecond"), out);
    equal(out.includes("\u001b"), false);
  }
});

Deno.test("pfw threats: every command's help has examples", async () => {
  await using box = new Sandbox();
  const commands = ["", "list", "update", "check", "feeds", "feeds list", "feeds enable"];
  for (const words of [...commands, "feeds disable", "feeds add", "feeds remove"]) {
    const { code, out } = await box.pfw("threats", ...words.split(" ").filter(Boolean), "--help");
    equal(code, 0);
    match(out, /\nExamples:\n( {2}pfw threats .*\n)+/, words);
  }
});
