/** `--force`, `--confirm`, `rules confirm`, `history`, `diff` and `rollback`, as people run them. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Sandbox } from "../support/sandbox.ts";

const STOPPED = "pfw is not running: takes effect at the next start";

/** A sandbox whose commands come from an SSH session. */
function sandboxOverSsh(): Sandbox {
  const box = new Sandbox();
  box.env.SSH_CONNECTION = "203.0.113.7 50000 192.0.2.9 22";
  return box;
}

Deno.test("pfw --force: a change that cuts the session is refused without it", async () => {
  await using box = sandboxOverSsh();
  box.writeConfig({ whitelist_ips: ["203.0.113.7"], blacklist_ips: ["203.0.113.0/24"] });
  const text = Deno.readTextFileSync(box.paths.config);
  const cases: [string[], RegExp][] = [
    [["whitelist", "remove", "203.0.113.7"], /the blacklist would cut the SSH session/],
  ];
  for (const [words, why] of cases) {
    const { code, out, err } = await box.pfw(...words);
    deepEqual([code, out], [1, ""]);
    match(err, why);
    match(err, /^pfw: cannot make this change: .*203\.0\.113\.7; .*--force.*\n$/);
    equal(Deno.readTextFileSync(box.paths.config), text);
  }
  equal((await box.pfw("whitelist", "remove", "203.0.113.7", "--force")).code, 0);
});

Deno.test("pfw --force: every kind of change is judged, and lets others pass", async () => {
  await using box = sandboxOverSsh();
  const open = { name: "Office", action: "allow", protocol: "tcp", ports: [22] };
  const shut = { name: "Nobody", action: "block", protocol: "tcp", ports: [22], direction: "in" };
  box.writeConfig({ rules: [open, shut, { ...shut, name: "Off", enabled: false }] });
  const refused = [
    ["rules", "remove", "1"],
    ["rules", "move", "1", "2"],
    ["rules", "toggle", "1"],
    ["rules", "add", "x", "block", "--source", "203.0.113.0/24", "--position", "1"],
    ["blacklist", "add", "203.0.113.7"],
  ];
  for (const words of refused) {
    const { code, err } = await box.pfw(...words);
    equal(code, 1, words.join(" "));
    match(err, /would cut the SSH session from 203\.0\.113\.7/);
  }
  const legacy = '{"block_ips": ["203.0.113.7"]}';
  equal((await box.pfwWithInput(legacy, "rules", "import", "-")).code, 1);
  equal((await box.pfw("rules", "toggle", "3")).code, 0);
  equal((await box.pfw("blacklist", "add", "203.0.113.8")).code, 0);
});

Deno.test("pfw --confirm: kept when confirmed, and only once", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const { code, out } = await box.pfw("blacklist", "add", "192.0.2.1", "--confirm", "60");
  equal(code, 0);
  equal(
    out,
    `added 192.0.2.1 to the blacklist: ${STOPPED}\n` +
      "the policy before returns in 60 seconds, unless you keep this one: pfw rules confirm\n",
  );
  match((await box.pfw("status")).out, /`blacklist add 192\.0\.2\.1 --confirm 60` \(.*\) waits: /);
  const { pending } = JSON.parse((await box.pfw("status", "--json")).out);
  ok(pending.secondsLeft > 30 && pending.secondsLeft <= 60);
  const second = await box.pfw("blacklist", "add", "192.0.2.2");
  equal(second.code, 1);
  match(second.err, /still waits to be confirmed \(\d+ s left\); keep that one/);
  match((await box.pfw("rules", "confirm")).out, /^kept: blacklist add 192\.0\.2\.1 --confirm 60 /);
  const again = await box.pfw("rules", "confirm");
  deepEqual([again.code, again.out], [1, ""]);
  match(again.err, /^pfw: nothing to confirm: /);
  deepEqual(box.readConfig().blacklist_ips, ["192.0.2.1"]);
  equal(JSON.parse((await box.pfw("status", "--json")).out).pending, null);
});

Deno.test("pfw --confirm: returns by itself, though no pfw runs and the command is gone", async () => {
  await using box = new Sandbox();
  const text = '{"blacklist_ips":\n[]}';
  box.writeConfig(text);
  const run = await box.pfw("blacklist", "add", "192.0.2.1", "--confirm", "1", "--json");
  const { confirm } = JSON.parse(run.out);
  deepEqual([confirm.seconds, confirm.command], [1, "blacklist add 192.0.2.1 --confirm 1"]);
  match(Deno.readTextFileSync(box.paths.config), /192\.0\.2\.1/);
  const deadline = Date.now() + 60_000;
  while (Deno.readTextFileSync(box.paths.config) !== text) {
    ok(Date.now() < deadline, "it never returned");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const confirmed = await box.pfw("rules", "confirm");
  equal(confirmed.code, 1);
  match(confirmed.err, /nothing to confirm/);
});

Deno.test("pfw --confirm: wrong seconds are wrong usage", async () => {
  await using box = new Sandbox();
  for (const seconds of ["0", "-1", "1.5", "soon", "86401"]) {
    const { code, err } = await box.pfw("blacklist", "add", "192.0.2.1", "--confirm", seconds);
    equal(code, 2, seconds);
    match(err, /^pfw: wrong usage: .*--confirm/);
  }
});

Deno.test("pfw rules history, diff, rollback", async () => {
  await using box = new Sandbox();
  box.writeConfig('{"rules": []}');
  match((await box.pfw("rules", "history")).out, /^The history is empty/);
  await box.pfw("rules", "add", "No telnet", "block", "--ports", "23");
  await box.pfw("blacklist", "add", "192.0.2.1", "192.0.2.2");
  const { entries } = JSON.parse((await box.pfw("rules", "history", "--json")).out);
  deepEqual(
    entries.map(({ number, command }: { number: number; command: string }) => [
      number,
      command,
    ]),
    [
      [1, "as it was found"],
      [2, 'rules add "No telnet" block --ports 23'],
      [3, "blacklist add 192.0.2.1 192.0.2.2"],
    ],
  );
  equal(
    (await box.pfw("rules", "diff", "1")).out,
    '+ rule 1 "No telnet" block any ports 23 both\n' +
      "+ blacklist: 2 addresses (192.0.2.1, 192.0.2.2)\n",
  );
  equal((await box.pfw("rules", "diff", "3")).out, "nothing changed since entry 3\n");
  const json = JSON.parse((await box.pfw("rules", "diff", "2", "--json")).out);
  deepEqual([json.same, json.blacklist.added], [false, ["192.0.2.1", "192.0.2.2"]]);
  const back = await box.pfw("rules", "rollback", "1");
  deepEqual([back.code, back.out], [0, `back to entry 1 of the history: ${STOPPED}\n`]);
  equal(Deno.readTextFileSync(box.paths.config), '{"rules": []}');
  match((await box.pfw("rules", "history")).out, /\n4 .* rules rollback 1\n$/);
  match((await box.pfw("rules", "rollback", "4")).out, /says already\n$/);
  equal((await box.pfw("rules", "rollback", "9")).code, 2);
  match((await box.pfw("rules", "diff", "x")).err, /is no number of the history/);
});

Deno.test("pfw rules rollback: mends a file that is broken, and is judged as any change", async () => {
  await using box = sandboxOverSsh();
  box.writeConfig('{"blacklist_ips": ["203.0.113.7"]}');
  await box.pfw("blacklist", "remove", "203.0.113.7");
  box.writeConfig("{ broken");
  const refused = await box.pfw("rules", "rollback", "1");
  equal(refused.code, 1);
  match(refused.err, /the blacklist would cut the SSH session/);
  equal(Deno.readTextFileSync(box.paths.config), "{ broken");
  equal((await box.pfw("rules", "rollback", "2")).code, 0);
  deepEqual(box.readConfig().blacklist_ips, []);
});
