/** `pfw bans`, run as people run it: against a stand-in for the running pfw, and without any. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { BanView } from "../../engine/bans/ban.ts";
import { Sandbox } from "../support/sandbox.ts";

const SCAN: BanView = {
  address: "203.0.113.9",
  cause: "port_scan",
  reason: "port scan: 24 ports in 1.2 s",
  evidence: { ports: [22, 23, 80], packets: 24, seconds: 1.25, text: "x\u001b[2Jy" },
  since: "2026-01-02T03:04:05.000Z",
  until: "2026-01-02T04:04:05.000Z",
  secondsLeft: 3_000,
  offences: 2,
};
const HOSTILE: BanView = {
  ...SCAN,
  address: "2001:db8:1:2::/64",
  cause: "manual",
  reason: "\u001b[31mred\u001b[0m\n<b>bold</b>\t\u202egnp\u0007",
  evidence: {},
  since: "2026-01-01T00:00:00.000Z",
  offences: 1,
};

/** A stand-in that has these bans; `seen` gets the requests. */
function running(box: Sandbox, bans: readonly BanView[], mode = "enforce"): string[] {
  const seen: string[] = [];
  box.standIn((request) => {
    seen.push(request);
    if (request === "GET /bans") return [200, { bans, mode }];
    if (request === "POST /bans") return [200, { bans: [SCAN], mode }];
    if (request === "POST /bans/remove") return [200, { bans, unknown: [], mode }];
    return [404, { error: "no such thing" }];
  });
  return seen;
}

Deno.test("pfw bans list: newest last, aligned, and bare `bans` is the same", async () => {
  await using box = new Sandbox();
  running(box, [SCAN, HOSTILE]);
  const { code, out, err } = await box.pfw("bans", "list");
  deepEqual([code, err], [0, ""]);
  const [head, first, second, blank, last] = out.split("\n");
  match(head, /^address +why +since +left +offences$/);
  ok(
    first.startsWith(
      "2001:db8:1:2::/64  \\x1b[31mred\\x1b[0m\\x0a<b>bold</b>\\x09\\u202egnp\\x07 ",
    ),
  );
  match(second, /^203\.0\.113\.9 +port scan: 24 ports in 1\.2 s .* 50 min +2$/);
  deepEqual([blank, last], ["", "2 bans in the kernel"]);
  equal((await box.pfw("bans")).out, out);
});

Deno.test("pfw bans list: --verbose shows the evidence, --json everything as it is", async () => {
  await using box = new Sandbox();
  running(box, [SCAN, HOSTILE], "monitor");
  const { out } = await box.pfw("bans", "list", "--verbose");
  match(out, /^203\.0\.113\.9\n {2}why +port scan: 24 ports in 1\.2 s\n {2}by +port_scan\n/m);
  match(
    out,
    /^ {2}ports +22, 23, 80\n {2}packets +24\n {2}seconds +1\.25\n {2}text +x\\x1b\[2Jy$/m,
  );
  match(out, /\n {2}by +a person\n/);
  match(out, /\n2 bans; this pfw only observes and blocks nothing\n$/);
  equal(out.includes("\u001b"), false);
  const json = JSON.parse((await box.pfw("bans", "--json")).out);
  deepEqual(json, { running: true, mode: "monitor", count: 2, bans: [HOSTILE, SCAN] });
});

Deno.test("pfw bans list: nobody banned, running or not", async () => {
  await using box = new Sandbox();
  match((await box.pfw("bans")).out, /^Nobody is banned; pfw is not running\. .*pfw bans add /);
  // Whether rules stand in the kernel depends on who asks.
  const { standingRules: _, ...listed } = JSON.parse((await box.pfw("bans", "--json")).out);
  deepEqual(listed, { running: false, mode: null, count: 0, bans: [] });
  running(box, []);
  match((await box.pfw("bans")).out, /^Nobody is banned\. Ban an address, for example: /);
});

Deno.test("pfw bans: a pfw that fails is no empty list", async () => {
  await using box = new Sandbox();
  box.standIn(() => [404, { error: "the running pfw has no bans: it was started without them" }]);
  const { code, out, err } = await box.pfw("bans");
  deepEqual([code, out], [1, ""]);
  equal(err, "pfw: the running pfw has no bans: it was started without them\n");
});

Deno.test("pfw bans add: in the kernel when it returns, and only then says so", async () => {
  await using box = new Sandbox();
  const seen: unknown[] = [];
  box.standIn((request, body) => {
    seen.push(request, JSON.parse(body));
    return [200, { bans: [SCAN], mode: "enforce" }];
  });
  const { code, out } = await box.pfw("bans", "add", "203.0.113.9", "--for", "2h", "--reason", "x");
  equal(code, 0);
  match(out, /^banned 203\.0\.113\.9 for 2 h 0 min: in the kernel now \(\d+ ms\)\n$/);
  const request = { addresses: ["203.0.113.9"], seconds: 7_200, reason: "x", force: false };
  deepEqual(seen, ["POST /bans", request]);
  const json = JSON.parse((await box.pfw("bans", "add", "203.0.113.9", "--json")).out);
  deepEqual([json.action, json.bans], ["add", [SCAN]]);
  deepEqual([json.changed, json.running, json.inKernel], [true, true, true]);
});

Deno.test("pfw bans add: a pfw that only observes has nothing in the kernel", async () => {
  await using box = new Sandbox();
  running(box, [], "monitor");
  match((await box.pfw("bans", "add", "203.0.113.9")).out, /: pfw only observes, and judges by it/);
  const json = JSON.parse((await box.pfw("bans", "add", "203.0.113.9", "--json")).out);
  deepEqual([json.running, json.inKernel], [true, false]);
});

Deno.test("pfw bans add: what the running pfw refuses is passed on with its exit code", async () => {
  await using box = new Sandbox();
  const error = "cannot ban 192.0.2.254: it is the gateway; --force does it\u001b[2J";
  box.standIn(() => [422, { error, exitCode: 1 }]);
  const { code, out, err } = await box.pfw("bans", "add", "192.0.2.254");
  deepEqual([code, out], [1, ""]);
  equal(err, "pfw: cannot ban 192.0.2.254: it is the gateway; --force does it\\x1b[2J\n");
});

Deno.test("pfw bans: wrong words change nothing and end with 2", async () => {
  await using box = new Sandbox();
  const seen = running(box, []);
  const cases: [words: string[], why: RegExp][] = [
    [["add"], /missing required argument 'address'/],
    [["add", "192.0.2.300"], /"192\.0\.2\.300" is not an IP address/],
    [["add", "host.example"], /names are not resolved/],
    [["add", "192.0.2.1", "--for", "soon"], /--for "soon" is no duration/],
    [["add", "192.0.2.1", "--for", "9999999d"], /is no duration; .*\(at most 3650d\)/],
    [["add", "192.0.2.1", "--reason", "a\nb"], /--reason .* control character/],
    [["add", "192.0.2.1", "--reason", ""], /--reason must not be empty/],
    [["remove"], /no address is given; name some, or say --all/],
    [["remove", "192.0.2.1", "--all"], /--all leaves no address to name/],
    [["remove", "x"], /"x" is not an IP address/],
    [["lst"], /"lst" is no command of `pfw bans`; did you mean "list"\?/],
    [["list", "--evidence"], /unknown option '--evidence'/],
  ];
  for (const [words, why] of cases) {
    const { code, out, err } = await box.pfw("bans", ...words);
    deepEqual([code, out], [2, ""], words.join(" "));
    match(err, why);
    equal(err.split("\n").length, 2, err);
  }
  deepEqual(seen, []);
});

Deno.test("pfw bans add: a list on standard input, at most a thousand at once", async () => {
  await using box = new Sandbox();
  const seen = running(box, []);
  const many = Array.from({ length: 1_001 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
  const tooMany = await box.pfwWithInput(many.join("\n"), "bans", "add", "-");
  equal(tooMany.code, 2);
  match(tooMany.err, /1,001 addresses are more than 1000; the blacklist takes as many/);
  const bad = await box.pfwWithInput("192.0.2.1\nnonsense\n", "bans", "add", "-");
  deepEqual([bad.code, seen], [2, []]);
  match(bad.err, /^pfw: nothing was changed: line 2: "nonsense" is not an IP address/);
  equal((await box.pfwWithInput("# c\n192.0.2.1 x\n", "bans", "add", "-")).code, 0);
});

Deno.test("pfw bans remove: those that are banned are freed, others are named", async () => {
  await using box = new Sandbox();
  box.standIn((request) =>
    request === "GET /bans" ? [200, { bans: [HOSTILE], mode: "enforce" }] : [200, {
      bans: [SCAN],
      unknown: ["2001:db8:1:2::5"],
      mode: "enforce",
    }]
  );
  const { code, out, err } = await box.pfw("bans", "remove", "203.0.113.9", "2001:db8:1:2::5");
  equal(code, 1);
  match(out, /^unbanned 203\.0\.113\.9: in the kernel now \(\d+ ms\)\n$/);
  equal(
    err,
    "pfw: cannot unban 2001:db8:1:2::5: not banned " +
      "(2001:db8:1:2::5 lies in or around 2001:db8:1:2::/64); the others are free now\n",
  );
  const both = await box.pfw("bans", "remove", "203.0.113.9", "2001:db8:1:2::5", "--json");
  const json = JSON.parse(both.out);
  deepEqual([both.code, json.removed, json.unknown], [1, ["203.0.113.9"], ["2001:db8:1:2::5"]]);
});

Deno.test("pfw bans remove --all: every ban, in parts that the running pfw takes", async () => {
  await using box = new Sandbox();
  const bans = Array.from({ length: 1_001 }, (_, at) => ({
    ...SCAN,
    address: `10.0.${at >> 8}.${at & 255}`,
  }));
  const removals: number[] = [];
  box.standIn((request, body) => {
    if (request === "GET /bans") return [200, { bans, mode: "enforce" }];
    const { addresses } = JSON.parse(body);
    removals.push(addresses.length);
    const removed = bans.filter(({ address }) => addresses.includes(address));
    return [200, { bans: removed, unknown: [], mode: "enforce" }];
  });
  const { code, out, err } = await box.pfw("bans", "remove", "--all");
  equal(err, "");
  deepEqual([code, removals], [0, [1_000, 1]]);
  match(out, /^unbanned 1,001 addresses: in the kernel now/);
});

const NEXT_START = "pfw is not running: takes effect at the next start";

Deno.test("pfw bans without a running pfw: add, list, remove in the database", async () => {
  await using box = new Sandbox();
  const nothing = await box.pfw("bans", "remove", "192.0.2.1");
  deepEqual([nothing.code, nothing.out], [1, ""]);
  equal(nothing.err, "pfw: cannot unban 192.0.2.1: not banned; see pfw bans list\n");
  equal((await box.pfw("bans", "remove", "--all")).out, "nobody is banned\n");
  // Looking and removing made no database.
  equal(await Deno.stat(box.paths.database).then(() => true, () => false), false);
  const added = await box.pfw(
    "bans",
    "add",
    "203.0.113.5",
    "198.51.100.7/24",
    "--reason",
    "why not",
  );
  deepEqual([added.code, added.err], [0, ""]);
  equal(added.out, `banned 203.0.113.5, 198.51.100.0/24 for 1 h 0 min: ${NEXT_START}\n`);
  const { out } = await box.pfw("bans");
  match(out, /^203\.0\.113\.5 +why not +\S+ \S+ +(59 min|1 h 0 min) +1$/m);
  match(out, /\npfw is not running: it takes these up at its next start\n$/);
  const json = JSON.parse((await box.pfw("bans", "list", "--json")).out);
  deepEqual([json.running, json.mode, json.count], [false, null, 2]);
  deepEqual(json.bans.map((ban: BanView) => [ban.address, ban.cause, ban.reason, ban.offences]), [
    ["198.51.100.0/24", "manual", "why not", 1],
    ["203.0.113.5", "manual", "why not", 1],
  ]);
  const removed = await box.pfw("bans", "remove", "198.51.100.0/24");
  equal(removed.out, `unbanned 198.51.100.0/24: ${NEXT_START}\n`);
  equal((await box.pfw("bans", "remove", "--all")).out, `unbanned 203.0.113.5: ${NEXT_START}\n`);
  match((await box.pfw("bans")).out, /^Nobody is banned; pfw is not running\./);
});

Deno.test("pfw bans without a running pfw: what is protected needs --force", async () => {
  await using box = new Sandbox();
  box.writeConfig({ whitelist_ips: ["192.0.2.7"] });
  const refused = await box.pfw("bans", "add", "203.0.113.1", "192.0.2.0/24");
  deepEqual([refused.code, refused.out], [1, ""]);
  match(refused.err, /^pfw: cannot ban 192\.0\.2\.0\/24: 192\.0\.2\.7 is whitelisted, .*--force/);
  equal(JSON.parse((await box.pfw("bans", "--json")).out).count, 0);
  equal((await box.pfw("bans", "add", "192.0.2.0/24", "--force")).code, 0);
  equal(JSON.parse((await box.pfw("bans", "--json")).out).count, 1);
});

Deno.test("pfw bans: while a pfw is just starting, nothing is changed behind its back", async () => {
  await using box = new Sandbox();
  Deno.mkdirSync(box.paths.runDir, { recursive: true });
  using lock = Deno.openSync(box.paths.lock, { create: true, write: true });
  lock.lockSync(true);
  const change = box.pfw("bans", "add", "203.0.113.5");
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  equal(await Deno.stat(box.paths.database).then(() => true, () => false), false);
  lock.unlockSync();
  const { code, out, err } = await change;
  deepEqual([code, err], [0, "pfw: waiting for process unknown, a pfw that starts or ends\n"]);
  equal(out, `banned 203.0.113.5 for 1 h 0 min: ${NEXT_START}\n`);
});

Deno.test("pfw bans: every command's help has examples", async () => {
  await using box = new Sandbox();
  for (const words of [[], ["list"], ["add"], ["remove"]]) {
    const { code, out } = await box.pfw("bans", ...words, "--help");
    equal(code, 0);
    match(out, /\nExamples:\n( {2}pfw bans .*\n){3}/);
  }
});
