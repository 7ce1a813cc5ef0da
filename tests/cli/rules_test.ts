/** `pfw rules`, run as people run it. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Sandbox } from "../support/sandbox.ts";

const STOPPED = "pfw is not running: takes effect at the next start";

Deno.test("pfw rules: a first look creates the configuration and shows its rules", async () => {
  await using box = new Sandbox();
  const { code, out, err } = await box.pfw("rules", "list");
  deepEqual([code, err], [0, ""]);
  equal(
    out,
    `#  on  action  direction  protocol  ports              source  destination  name                                     hits
1  on  block   in         tcp       23,135,139,445 +1  any     any          Block Telnet, RPC, NetBIOS, SMB and RDP     -

What no rule matches is allowed (default_policy).
`,
  );
  equal(box.readConfig().default_policy, "allow");
});

Deno.test("pfw rules: add, list, toggle, move, remove", async () => {
  await using box = new Sandbox();
  box.writeConfig({ rules: [] });
  const said = async (...args: string[]) => {
    const { code, out, err } = await box.pfw(...args);
    deepEqual([code, err], [0, ""], args.join(" "));
    return out;
  };
  match(
    await said("rules", "list"),
    /There are no rules yet\..*allowed.*\nAdd one, .*pfw rules add/,
  );
  equal(
    await said(
      "rules",
      "add",
      "No telnet",
      "block",
      "--protocol",
      "tcp",
      "--ports",
      "23,8000-8100",
    ),
    `added rule 1 "No telnet": ${STOPPED}\n`,
  );
  const sources = ["--source", "203.0.113.9/24,2001:DB8::1", "--source", "192.0.2.1"];
  equal(
    await said(
      "rules",
      "add",
      "Office",
      "allow",
      ...sources,
      "--position",
      "1",
      "--direction",
      "in",
    ),
    `added rule 1 "Office": ${STOPPED}\n`,
  );
  equal(await said("rules", "toggle", "2"), `switched off rule 2 "No telnet": ${STOPPED}\n`);
  equal(
    await said("rules", "list"),
    `#  on   action  direction  protocol  ports         source             destination  name       hits
1  on   allow   in         any       any           203.0.113.0/24 +2  any          Office        -
2  off  block   both       tcp       23,8000-8100  any                any          No telnet     -

What no rule matches is allowed (default_policy).
`,
  );
  equal(await said("rules", "move", "2", "1"), `moved rule 2 to rule 1 "No telnet": ${STOPPED}\n`);
  equal(await said("rules", "move", "1", "1"), 'already there: rule 1 "No telnet"\n');
  equal(
    await said("rules", "add", "Office", "allow", ...sources, "--direction", "in"),
    'already there as rule 2 "Office"\n',
  );
  deepEqual(box.readConfig().rules[1], {
    name: "Office",
    action: "allow",
    protocol: "any",
    ports: [],
    source_ips: ["203.0.113.0/24", "2001:db8::1", "192.0.2.1"],
    destination_ips: [],
    direction: "in",
    enabled: true,
  });
  equal(
    await said("rules", "remove", "1", "2"),
    `removed rule 1 "No telnet", rule 2 "Office": ${STOPPED}\n`,
  );
  deepEqual(box.readConfig().rules, []);
});

Deno.test("pfw rules: ports, sources and destinations add up when they are repeated", async () => {
  await using box = new Sandbox();
  box.writeConfig({ rules: [] });
  const ports = ["--ports", "1,2", "--ports", "8000-8100"];
  const ends = ["--source", "192.0.2.1", "--source", "192.0.2.2", "--destination", "192.0.2.3"];
  equal((await box.pfw("rules", "add", "P", "block", ...ports, ...ends)).code, 0);
  const [rule] = box.readConfig().rules;
  deepEqual(rule.ports, [1, 2, "8000-8100"]);
  deepEqual([rule.source_ips, rule.destination_ips], [["192.0.2.1", "192.0.2.2"], ["192.0.2.3"]]);
});

Deno.test("pfw rules: the old words work and do not show in the help", async () => {
  await using box = new Sandbox();
  equal((await box.pfw("add", "Ping", "block", "--protocol", "icmp")).code, 0);
  equal((await box.pfw("toggle", "2")).code, 0);
  match((await box.pfw("list")).out, /\n2 {2}off {2}block.*Ping/);
  equal((await box.pfw("remove", "2")).code, 0);
  equal(box.readConfig().rules.length, 1);
  const { out } = await box.pfw("--help");
  ok(!/^ {2}(list|add|remove|toggle)\b/m.test(out), out);
});

Deno.test("pfw rules: wrong words are one line, exit 2, and change nothing", async () => {
  await using box = new Sandbox();
  const before = { rules: [{ name: "a", action: "block" }] };
  box.writeConfig(before);
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["add"], /missing required argument 'name'/],
    [
      ["add", "x", "deny"],
      /'deny' is invalid for argument 'action'\. Allowed choices are allow, block/,
    ],
    [["add", "x", "block", "--protocol", "sctp"], /Allowed choices are tcp, udp, icmp, any/],
    [["add", "x", "block", "--ports", "99999"], /ports\[0\]: 99999 is not a port from 1 to 65535/],
    [["add", "x", "block", "--protocol", "icmp", "--ports", "1"], /icmp has no ports/],
    [["add", "x", "block", "--ports", ""], /--ports names nothing; leave --ports out/],
    [["add", "x", "block", "--ports= , "], /--ports names nothing/],
    [["add", "x", "block", "--ports", "1", "--ports", ""], /--ports names nothing/],
    [["add", "x", "block", "--source", " "], /--source names nothing/],
    [["add", "x", "block", "--destination", ","], /--destination names nothing/],
    [["add", "x", "block", "--source", "1.2.3"], /source_ips\[0\]: "1\.2\.3" is not an IP address/],
    [["add", "", "block"], /name: must not be empty/],
    [["add", "x\x1b[31m", "block"], /"x\\u001b\[31m" contains a control character/],
    [["add", "x", "block", "--position", "3"], /position 3 is past the end; there is 1 rule/],
    [["remove", "2"], /there is no rule 2: there is 1 rule/],
    [["remove", "x"], /"x" is not a rule number/],
    [["toggle", "0"], /"0" is not a rule number/],
    [["move", "1", "9"], /there is no rule 9/],
    [["nonsense"], /unknown command 'nonsense'/],
  ];
  for (const [args, expected] of cases) {
    const { code, out, err } = await box.pfw("rules", ...args);
    deepEqual([code, out], [2, ""], `${args}: ${err}`);
    match(err, expected);
    match(err, /^pfw: [^\n]*\n$/);
    deepEqual(box.readConfig(), before);
  }
});

Deno.test("pfw rules: --json is one document", async () => {
  await using box = new Sandbox();
  box.writeConfig({ rules: [] });
  const json = async (...args: string[]) => JSON.parse((await box.pfw(...args, "--json")).out);
  const rule = {
    name: "a",
    action: "block",
    protocol: "tcp",
    ports: [23, "80-90"],
    source_ips: [],
    destination_ips: [],
    direction: "both",
    enabled: true,
  };
  const fate = { changed: true, running: false, inKernel: false };
  deepEqual(
    await json("rules", "add", "a", "block", "--protocol", "tcp", "--ports", "23,80-90"),
    { action: "add", number: 1, rule, ...fate },
  );
  const list = await json("rules", "list");
  match(list.rules[0].id, /^[0-9a-f]{8}$/);
  deepEqual(list, {
    config: box.paths.config,
    running: false,
    default_policy: "allow",
    rules: [{ number: 1, id: list.rules[0].id, ...rule, hits: null }],
  });
  deepEqual(await json("rules", "toggle", "1"), {
    action: "toggle",
    number: 1,
    rule: { ...rule, enabled: false },
    ...fate,
  });
  deepEqual(await json("rules", "remove", "1"), {
    action: "remove",
    rules: [{ number: 1, rule: { ...rule, enabled: false } }],
    ...fate,
  });
});

Deno.test("pfw rules: an export imports, and a second time adds nothing", async () => {
  await using from = new Sandbox();
  await using to = new Sandbox();
  to.writeConfig({});
  equal((await from.pfw("rules", "add", "Ping", "block", "--protocol", "icmp")).code, 0);
  const { out: exported } = await from.pfw("rules", "export");
  deepEqual(JSON.parse(exported).rules.length, 2);
  const imported = await to.pfwWithInput(exported, "rules", "import", "-");
  equal(imported.out, `imported 2 rules: ${STOPPED}\n`);
  deepEqual(to.readConfig().rules, from.readConfig().rules);
  const again = await to.pfwWithInput(exported, "rules", "import", "-");
  equal(again.out, "imported 0 rules (2 already there)\n");
});

Deno.test("pfw rules: an import says what it leaves out of a whole configuration", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const rules = [{ name: "a", action: "block", ports: [1] }];
  const whole = JSON.stringify({ rules, blacklist_ips: ["192.0.2.1"], default_policy: "block" });
  const { out, err } = await box.pfwWithInput(whole, "rules", "import", "-", "--json");
  deepEqual(JSON.parse(out).leftOut, ["blacklist_ips", "default_policy"]);
  match(err, /^pfw: warning: only rules are imported; left out: blacklist_ips, default_policy\n$/);
  deepEqual(Object.keys(box.readConfig()), ["rules"]);
});

Deno.test("pfw rules: an import that is refused names every problem", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const importing = async (count: number, ...words: string[]) => {
    const rules = JSON.stringify(Array.from({ length: count }, () => ({ name: "a", action: "x" })));
    const { code, out, err } = await box.pfwWithInput(rules, "rules", "import", "-", ...words);
    equal(code, 2);
    match(err, /^pfw: cannot use standard input: \d problems: .*; mend it and import it again\n$/);
    return out.split("\n").filter((line) => line.includes("must be one of")).length;
  };
  equal(await importing(3), 0, "all are in the error");
  equal(await importing(5), 5);
  equal(await importing(5, "--json"), 0, "no document");
});

Deno.test("pfw rules: the older form imports with its addresses", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const old = {
    block_ips: ["192.0.2.1", "127.0.0.1"],
    block_ports: [23],
    block_protocols: ["ICMP"],
  };
  Deno.writeTextFileSync(box.path("old.json"), JSON.stringify(old), { mode: 0o600 });
  const { code, out, err } = await box.pfw("rules", "import", box.path("old.json"));
  equal(code, 0);
  equal(out, `imported 2 rules and 2 addresses into the blacklist: ${STOPPED}\n`);
  equal(err, "pfw: warning: 127.0.0.1 is also whitelisted: the whitelist wins\n");
  deepEqual(box.readConfig().blacklist_ips, ["192.0.2.1", "127.0.0.1"]);
  Deno.writeTextFileSync(box.path("old.json"), '{"block_ips": ["x"]}', { mode: 0o600 });
  const bad = await box.pfw("rules", "import", box.path("old.json"));
  equal(bad.code, 2);
  match(bad.err, /1 problem: line 1, block_ips\[0\]: "x" is not an IP address/);
});

Deno.test("pfw rules: every command's help has examples", async () => {
  await using box = new Sandbox();
  const words = ["list", "add", "remove", "toggle", "move", "check", "import", "export"];
  for (const word of words) {
    const { code, out } = await box.pfw("rules", word, "--help");
    equal(code, 0);
    match(out, new RegExp(`\\nExamples:\\n(.*pfw rules.*\\n){2,3}`));
  }
});
