/** `pfw rules check`: says everything, touches nothing. */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { Sandbox } from "../support/sandbox.ts";

Deno.test("pfw rules check: a missing configuration is not created", async () => {
  await using box = new Sandbox();
  const { code, out } = await box.pfw("rules", "check", "--plan");
  equal(code, 0);
  match(out, /does not exist yet; pfw creates it with the defaults: 1 rule, 2 addresses/);
  match(out, /--dports 23,135,139,445,3389/);
  throws(() => Deno.statSync(box.path("etc")), Deno.errors.NotFound);
});

Deno.test("pfw rules check: a valid file is summed up, and its plan shown", async () => {
  await using box = new Sandbox();
  const blacklist_ips = Array.from({ length: 12 }, (_, at) => `198.51.100.${2 * at}`);
  const rules = [
    { name: "a", action: "block", protocol: "tcp", ports: [23], direction: "in" },
    { name: "b", action: "allow", enabled: false },
  ];
  box.writeConfig({ default_policy: "block", rules, blacklist_ips });
  const text = Deno.readTextFileSync(box.paths.config);
  const { code, out, err } = await box.pfw("rules", "check", "--plan");
  deepEqual([code, err], [0, ""]);
  const [first, , ...plan] = out.split("\n");
  equal(
    first,
    `${box.paths.config} is valid: 2 rules (1 switched off), 2 addresses whitelisted, ` +
      "12 addresses blacklisted, default policy block",
  );
  equal(plan.filter((line) => line.startsWith("add pfw-black4 198.51.100.")).length, 10);
  ok(plan.includes("# and 2 more entries"));
  ok(plan.some((line) => /^-A PFW-IN-RULES .*--dport 23 .*-j PFW-D-/.test(line)), out);
  ok(plan.includes("# IPv6: ip6tables-restore --noflush"));
  equal(Deno.readTextFileSync(box.paths.config), text);
  const left = [...Deno.readDirSync(box.path("etc"))].map(({ name }) => name);
  deepEqual(left, ["firewall_rules.json"]);
});

Deno.test("pfw rules check: what is valid and in vain is warned of, and is no problem", async () => {
  await using box = new Sandbox();
  const feed = (name: string, url: string, more = {}) => ({ name, url, ...more });
  const certificate = box.path("etc/firewall_rules.json");
  box.writeConfig({
    threat_feeds: [
      feed("Plain", "http://192.0.2.1/list"),
      feed("Elsewhere", "file://host/list"),
      feed("Off", "http://192.0.2.1/list", { enabled: false }),
      feed("Meant", "http://192.0.2.2/list", { allow_insecure: true }),
      feed("Here", "file:///var/list"),
    ],
    dashboard: { enabled: true, certificate, key: "/nowhere/key.pem" },
    bans: { first: "1h", longest: "30m" },
  });
  const { code, out, err } = await box.pfw("rules", "check");
  equal(code, 0);
  match(out, / is valid: /);
  const warnings = [
    'threat_feeds[0].url: "Plain" will never be fetched: plain http is refused: set allow_insecure',
    'threat_feeds[1].url: "Elsewhere" will never be fetched: its address names no file of this machine',
    "dashboard.key: there is no file /nowhere/key.pem",
    "bans.first: 1h is longer than bans.longest: no ban lasts longer than 30m",
  ];
  equal(err, warnings.map((text) => `pfw: warning: ${text}\n`).join(""));
  deepEqual(JSON.parse((await box.pfw("rules", "check", "--json")).out).warnings, warnings);
  box.writeConfig({ dashboard: { enabled: true, certificate } });
  match(
    (await box.pfw("rules", "check")).err,
    /^pfw: warning: dashboard\.key: one without the other/,
  );
});

Deno.test("pfw rules check: every problem is printed with its place, exit 2", async () => {
  await using box = new Sandbox();
  const file = box.path("new.json");
  Deno.writeTextFileSync(
    file,
    '{\n  "rulez": [],\n  "blacklist_ips": [\n    "192.0.2.1",\n    "192.0.2.256"\n  ]\n}\n',
    { mode: 0o600 },
  );
  const table = await box.pfw("rules", "check", file);
  equal(table.code, 2);
  equal(
    table.out,
    `line  where             problem
 2:3  rulez             unknown key; did you mean "rules"?
 5:5  blacklist_ips[1]  "192.0.2.256" is not an IP address or CIDR range
`,
  );
  equal(table.err, `pfw: cannot use ${file}: 2 problems; mend it and check again\n`);
  const json = await box.pfw("rules", "check", file, "--json");
  equal(json.code, 2);
  deepEqual(JSON.parse(json.out), {
    file,
    valid: false,
    exists: true,
    warnings: [],
    problems: [
      {
        path: "rulez",
        line: 2,
        column: 3,
        message: 'unknown key; did you mean "rules"?',
      },
      {
        path: "blacklist_ips[1]",
        line: 5,
        column: 5,
        message: '"192.0.2.256" is not an IP address or CIDR range',
      },
    ],
  });
});

Deno.test("pfw rules check: a valid file in JSON, with and without the plan", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const file = box.paths.config;
  const valid = { file, valid: true, exists: true, problems: [], warnings: [] };
  deepEqual(JSON.parse((await box.pfw("rules", "check", "--json")).out), valid);
  const { plan, ...rest } = JSON.parse((await box.pfw("rules", "check", "--plan", "--json")).out);
  deepEqual(rest, valid);
  match(plan, /^# IPv4: ipset restore\n/);
});

Deno.test("pfw rules check: a named file that is missing or not to be trusted, exit 2", async () => {
  await using box = new Sandbox();
  const missing = await box.pfw("rules", "check", box.path("no.json"));
  equal(missing.code, 2);
  match(missing.err, /^pfw: cannot read .*no\.json: there is no such file/);
  box.writeConfig("{}");
  Deno.chmodSync(box.paths.config, 0o666);
  const open = await box.pfw("rules", "check");
  equal(open.code, 2);
  match(open.err, /everybody may write to it/);
});

Deno.test("pfw rules check: - is standard input", async () => {
  await using box = new Sandbox();
  const good = await box.pfwWithInput('{"rules": []}', "rules", "check", "-", "--plan");
  deepEqual([good.code, good.err], [0, ""]);
  match(good.out, /^standard input is valid: 0 rules, .*\n\n# IPv4: ipset restore\n/);
  const bad = await box.pfwWithInput('{"rules": 1}', "rules", "check", "-", "--json");
  equal(bad.code, 2);
  const { file, valid, problems } = JSON.parse(bad.out);
  deepEqual([file, valid, problems[0].path], ["standard input", false, "rules"]);
  match(bad.err, /^pfw: cannot use standard input: 1 problem; mend it and check again\n$/);
});
