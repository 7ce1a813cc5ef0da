/** `pfw threats feeds`, its changes of the configuration, and the feeds in `pfw status`. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { feedsLine } from "../../cli/commands/status_feeds.ts";
import { UpdateProgress } from "../../cli/commands/threats_progress.ts";
import type { FeedState } from "../../intel/feed.ts";
import { Sandbox } from "../support/sandbox.ts";
import { feedFile, stateOf } from "./threats_support.ts";

const STOPPED = "pfw is not running: takes effect at the next start";

Deno.test("pfw threats feeds: what lies on disk while no pfw runs", async () => {
  await using box = new Sandbox();
  const { code, out, err } = await box.pfw("threats", "feeds");
  deepEqual([code, err], [0, ""]);
  match(
    out,
    /^feed +on +entries +refused +fetched +next +state\nFeodo Tracker +on +0 +0 +never +- +/,
  );
  match(
    out,
    /\npfw is not running: this is what it has on disk\n\d+ more feeds known: pfw threats/,
  );
  box.writeConfig({ threat_feeds: [feedFile(box, "Mine", "203.0.114.1\n10.0.0.1\nx\n")] });
  equal((await box.pfw("threats", "update")).code, 0);
  const verbose = (await box.pfw("threats", "feeds", "--verbose")).out;
  match(verbose, /^Mine +on +1 +2 +\d s ago +- +up to date$/m);
  match(
    verbose,
    /^Mine\n {2}from +file:\/\/.*\/Mine\.feed\n {2}form +auto, found plain\n {2}every +1 h/m,
  );
  match(verbose, /^ {2}refused +malformed 1, private 1$/m);
  match(verbose, /^known, and off .*\nFeodo Tracker .*\n(.*\n)*AbuseIPDB +needed +The most/m);
});

Deno.test("pfw threats feeds: what the running pfw says, and --json", async () => {
  await using box = new Sandbox();
  const soon = new Date(Date.now() + 1_000_000).toISOString();
  const feeds = [
    stateOf("Feodo Tracker", { refused: { private: 3, protected: 1 }, nextAt: soon }),
    stateOf("B", { status: "fetching", receivedBytes: 1_234_567 }),
    stateOf("C", { status: "disabled", enabled: false, fetchedAt: null }),
  ];
  const answer = { feeds, entries: 2_468, updating: true, fault: null, mode: "enforce" };
  box.standIn((request) => request === "GET /threats" ? [200, answer] : [404, {}]);
  const { out } = await box.pfw("threats", "feeds");
  match(out, /^Feodo Tracker +on +1,234 +4 +\d+ d .* ago +in 16 min +up to date$/m);
  match(out, /^B +on .* fetching, 1,234,567 bytes$/m);
  match(out, /^C +off +1,234 +0 +never +- +off$/m);
  match(out, /\n2,468 entries in the kernel\n/);
  const verbose = (await box.pfw("threats", "feeds", "-v")).out;
  // A query may hold a key.
  equal(verbose.includes("hidden"), false);
  match(verbose, /^ {2}refused +private 3, protected 1$/m);
  const json = JSON.parse((await box.pfw("threats", "feeds", "--json")).out);
  deepEqual([json.running, json.entries, json.updating, json.fault], [true, 2_468, true, null]);
  deepEqual(json.feeds, feeds);
  const known = json.known.map(({ name }: { name: string }) => name);
  deepEqual([known.includes("Feodo Tracker"), known.includes("Tor exits")], [false, true]);
});

Deno.test("pfw threats feeds: a kernel that lags behind is told", async () => {
  await using box = new Sandbox();
  const answer = { feeds: [], entries: 1, updating: false, fault: "no room", mode: "enforce" };
  box.standIn(() => [200, answer]);
  const { out } = await box.pfw("threats", "feeds");
  match(out, /^No feed is configured\.\n\nThe kernel does not have the newest lists: no room\n/);
});

Deno.test("pfw threats feeds enable: known and configured ones, in any letters", async () => {
  await using box = new Sandbox();
  const { code, out } = await box.pfw("threats", "feeds", "enable", "tor EXITS", "Feodo tracker");
  equal(code, 0);
  match(out, new RegExp(`^enabled Tor exits: ${STOPPED}\\nalready on: Feodo Tracker\\n`));
  match(out, /\nTor exits: .* Terms: CC0\n$/);
  const { threat_feeds } = box.readConfig();
  deepEqual(threat_feeds.map(({ name }: { name: string }) => name), ["Feodo Tracker", "Tor exits"]);
  deepEqual([threat_feeds[1].enabled, threat_feeds[1].format], [true, "tor"]);
  const off = await box.pfw("threats", "feeds", "disable", "tor exits", "GreenSnow");
  equal(off.out, `disabled Tor exits: ${STOPPED}\nalready off: GreenSnow\n`);
  equal(box.readConfig().threat_feeds[1].enabled, false);
  const again = await box.pfw("threats", "feeds", "enable", "Tor exits", "--json");
  deepEqual(JSON.parse(again.out), {
    action: "enable",
    feeds: ["Tor exits"],
    unchanged: [],
    needs: [],
    changed: true,
    running: false,
  });
});

Deno.test("pfw threats feeds enable: one that needs a key says which variable to set", async () => {
  await using box = new Sandbox();
  const { out } = await box.pfw("threats", "feeds", "enable", "abuseipdb");
  match(out, /^AbuseIPDB needs a key: set ABUSEIPDB_KEY where pfw starts \(for the service: /m);
  deepEqual(box.readConfig().threat_feeds[1].headers, { Key: "env:ABUSEIPDB_KEY" });
});

Deno.test("pfw threats feeds: unknown names change nothing and end with 2", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [] });
  const cases: [words: string[], why: RegExp][] = [
    [["enable", "Tor exits", "GrenSnow"], /no feed "GrenSnow": did you mean "GreenSnow"\?/],
    [["enable", "spamhaus"], /no feed "spamhaus": did you mean "Spamhaus DROP"\?/],
    [["enable", "\u001b[2J"], /no feed "\\u001b\[2J": there are Feodo Tracker, /],
    [["disable", "nowhere"], /no feed "nowhere": there are /],
    [["remove", "Tor exits"], /no feed "Tor exits": none is configured; /],
  ];
  for (const [words, why] of cases) {
    const { code, out, err } = await box.pfw("threats", "feeds", ...words);
    deepEqual([code, out], [2, ""], words.join(" "));
    match(err, why);
  }
  deepEqual(box.readConfig(), { threat_feeds: [] });
});

Deno.test("pfw threats feeds add, remove: a feed of one's own", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [] });
  const add = ["threats", "feeds", "add", "Mine", "https://example.org/list", "--interval", "6h"];
  const header = ["--header", "Key=env:MY_KEY", "--header", "X-Other=file:/etc/key"];
  const added = await box.pfw(...add, "--format", "abuseipdb", "--minimum", "75", ...header);
  deepEqual([added.code, added.err], [0, ""]);
  match(added.out, new RegExp(`^added Mine: ${STOPPED}\\nMine needs a key: set MY_KEY .*\\n`));
  match(added.out, /\nMine needs a key: put it into \/etc\/key\n$/);
  deepEqual(box.readConfig().threat_feeds, [{
    name: "Mine",
    url: "https://example.org/list",
    format: "abuseipdb",
    interval: "6h",
    enabled: true,
    headers: { Key: "env:MY_KEY", "X-Other": "file:/etc/key" },
    minimum: 75,
  }]);
  const twice = await box.pfw("threats", "feeds", "add", "mine", "https://example.org/");
  deepEqual([twice.code, twice.out], [1, ""]);
  match(twice.err, /^pfw: cannot add the feed: there is one named "Mine" already; /);
  equal((await box.pfw("threats", "feeds", "remove", "MINE")).out, `removed Mine: ${STOPPED}\n`);
  deepEqual(box.readConfig().threat_feeds, []);
});

Deno.test("pfw threats feeds add: a key on the command line is refused and never repeated", async () => {
  await using box = new Sandbox();
  const secret = "s3cr3tValue";
  for (const header of [`Key=${secret}`, `Key: ${secret}`, secret, `${secret}=x`, `${secret}==`]) {
    for (const more of [[], ["--json"]]) {
      const words = ["feeds", "add", "Mine", "https://example.org/", "--header", header, ...more];
      const { code, out, err } = await box.pfw("threats", ...words);
      deepEqual([code, out], [2, ""], header);
      match(
        err,
        /^pfw: wrong usage: a --header says not where its value is kept; write "Name=env:/,
      );
      equal(err.includes(secret), false);
    }
  }
  // Nor does anything of it lie on disk.
  for (const { name } of Deno.readDirSync(box.directory)) ok(!["data", "log"].includes(name), name);
});

Deno.test("pfw threats feeds add: wrong words are refused one by one", async () => {
  await using box = new Sandbox();
  const cases: [words: string[], why: RegExp][] = [
    [["add", "A"], /missing required argument 'url'/],
    [["add", "", "https://example.org/"], /the name must not be empty/],
    [["add", "a\u001bb", "https://example.org/"], /the name "a\\u001bb" contains a control/],
    [["add", "A", "nonsense"], /"nonsense" is not a URL/],
    [["add", "A", "/etc/list"], /is not a URL; write a file as file:\/\/\/absolute\/path/],
    [["add", "A", "file://my.txt"], /names no file .*; write a file as file:\/\/\/absolute\/path/],
    [["add", "A", "file:my.txt"], /"file:my\.txt" names no file of this machine by its whole path/],
    [["add", "A", "ftp://example.org/"], /not an https, http or file URL/],
    [["add", "A", "https://me:pw@example.org/"], /must not contain a user name or password/],
    [["add", "A", "http://example.org/"], /plain http is refused; use https, or --allow-insecure/],
    [["add", "A", "https://example.org/", "--interval", "often"], /--interval "often" is no dur/],
    [["add", "A", "https://example.org/", "--minimum", "256"], /--minimum is no number from 0/],
    [["add", "A", "https://example.org/", "--format", "xml"], /Allowed choices are auto, plain/],
  ];
  for (const [words, why] of cases) {
    const { code, out, err } = await box.pfw("threats", "feeds", ...words);
    deepEqual([code, out], [2, ""], words.join(" "));
    match(err, why);
  }
  equal(await Deno.stat(box.paths.config).then(() => true, () => false), false);
  const add = ["threats", "feeds", "add", "A", "http://example.org/", "--allow-insecure"];
  equal((await box.pfw(...add)).code, 0);
  equal(box.readConfig().threat_feeds[1].allow_insecure, true);
  equal((await box.pfw("threats", "feeds", "add", "B", "file:///tmp/list.txt")).code, 0);
  equal((await box.pfw("threats", "feeds", "add", "C", "file:/tmp/list.txt")).code, 0);
});

Deno.test("pfw threats feeds: a running pfw takes changes over, or they are taken back", async () => {
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [] });
  let answer: [number, unknown] = [200, { summary: "done", mode: "enforce" }];
  box.standIn((request) => request === "POST /reload" ? answer : [404, {}]);
  match(
    (await box.pfw("threats", "feeds", "enable", "GreenSnow")).out,
    /^enabled GreenSnow: the running pfw fetches it now, see pfw threats feeds\n/,
  );
  equal(
    (await box.pfw("threats", "feeds", "disable", "GreenSnow")).out,
    "disabled GreenSnow: the running pfw drops its entries, see pfw threats feeds\n",
  );
  answer = [422, { error: "no", exitCode: 1 }];
  const refused = await box.pfw("threats", "feeds", "enable", "GreenSnow");
  deepEqual([refused.code, refused.out], [1, ""]);
  match(refused.err, /^pfw: the running pfw refused the change, and it was taken back: no; /);
  equal(box.readConfig().threat_feeds[0].enabled, false);
});

/** Colours depend on where the tests run. */
function withoutColors(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[\d+m/g, "");
}

Deno.test("status: feeds in one line", () => {
  const line = (feeds: readonly FeedState[]) => withoutColors(feedsLine(feeds));
  equal(line([]), "none enabled, see pfw threats feeds");
  const off = stateOf("Off", { enabled: false, status: "disabled" });
  const bad = stateOf("Bad\u001b[2J", { status: "kept", error: "answered 503", entries: 7 });
  const never = stateOf("Never", {
    status: "never",
    error: "no\nroute",
    entries: 0,
    fetchedAt: null,
  });
  equal(line([stateOf("A"), off]), "1 of 1 up to date, 1,234 entries");
  equal(
    line([stateOf("A", { status: "fetching" }), bad]),
    "1 of 2 up to date, 1,241 entries, 1 being fetched; " +
      "Bad\\x1b[2J: kept the old list: answered 503",
  );
  equal(
    line([never, bad, bad]),
    "0 of 3 up to date, 14 entries; Never: nothing yet: no\\x0aroute; " +
      "Bad\\x1b[2J: kept the old list: answered 503; 1 more with trouble",
  );
});

/** Draws updates on a screen of this size; gives what was written for each step. */
function drawn(columns: number, rows: number, steps: readonly FeedState[][]): string[] {
  let text = "";
  const screen = { size: () => ({ columns, rows }), write: (more: string) => void (text += more) };
  const progress = new UpdateProgress(["A", "B"], false, screen);
  const take = () => {
    const taken = withoutColors(text);
    text = "";
    return taken;
  };
  const written = steps.map((states) => {
    progress.show(states);
    return take();
  });
  progress.end(steps.at(-1)!);
  return [...written, take()];
}

Deno.test("update progress: drawn over on a terminal, never wider or higher than it", () => {
  const steps = [
    [stateOf("A", { status: "fetching", receivedBytes: 1_500 }), stateOf("B"), stateOf("Other")],
    [stateOf("A", { error: "x".repeat(300) }), stateOf("B", { status: "fetching" })],
  ];
  const [first, second, last] = drawn(40, 24, steps);
  equal(first, "\x1b[2KA     1.5 kB  fetching\n\x1b[2KB        0 B  waiting\n");
  ok(second.startsWith("\x1b[2A\x1b[2KA     1.5 kB  kept the old list"));
  // deno-lint-ignore no-control-regex
  const lines = second.replace(/\x1b\[\d+[A-Z]/g, "").split("\n");
  ok(lines.every((line) => line.length < 40), second);
  ok(last.startsWith("\x1b[2A"));
  // A screen of two rows cannot be drawn over: a line for each feed when it is done.
  const plain = drawn(40, 2, steps).join("");
  equal(plain.includes("\x1b"), false);
  equal(plain.split("\n").length, 3);
});
