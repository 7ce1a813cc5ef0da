/** `pfw blacklist` and `pfw whitelist`, run as people run them. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { readAddressLines } from "../../cli/commands/address_input.ts";
import { Sandbox } from "../support/sandbox.ts";

const STOPPED = "pfw is not running: takes effect at the next start";

Deno.test("pfw blacklist: add, list, remove", async () => {
  await using box = new Sandbox();
  const empty = await box.pfw("blacklist", "list");
  deepEqual([empty.code, empty.out], [0, ""]);
  match(empty.err, /^The blacklist is empty\. Add an address, for example: pfw blacklist add /);
  const added = await box.pfw("blacklist", "add", "192.0.2.1", "198.51.100.7/24", "2001:DB8::1");
  equal(
    added.out,
    `added 192.0.2.1, 198.51.100.0/24, 2001:db8::1 to the blacklist: ${STOPPED}\n`,
  );
  const again = await box.pfw("blacklist", "add", "192.0.2.1");
  deepEqual([again.code, again.out], [0, "192.0.2.1 already there\n"]);
  equal((await box.pfw("blacklist", "list")).out, "192.0.2.1\n198.51.100.0/24\n2001:db8::1\n");
  deepEqual(JSON.parse((await box.pfw("blacklist", "list", "--json")).out), {
    list: "blacklist",
    count: 3,
    addresses: ["192.0.2.1", "198.51.100.0/24", "2001:db8::1"],
  });
  const removed = await box.pfw("blacklist", "remove", "2001:db8:0::1", "192.0.2.1");
  equal(removed.out, `removed 2001:db8::1, 192.0.2.1 from the blacklist: ${STOPPED}\n`);
  const missing = await box.pfw("blacklist", "remove", "198.51.100.0/24", "198.51.100.7");
  equal(missing.code, 1);
  match(
    missing.err,
    /198\.51\.100\.7 is not in it \(.* 198\.51\.100\.0\/24\); nothing was removed/,
  );
  deepEqual(box.readConfig().blacklist_ips, ["198.51.100.0/24"]);
});

Deno.test("pfw blacklist: one bad address among the arguments, and none is added", async () => {
  await using box = new Sandbox();
  const { code, err } = await box.pfw(
    "blacklist",
    "add",
    "192.0.2.1",
    "192.0.2.300",
    "host.example",
  );
  equal(code, 2);
  match(err, /"192\.0\.2\.300" is not .*, "host\.example" is not .* \(names are not resolved\)/);
  deepEqual((await box.pfw("blacklist", "list")).out, "");
});

const LIST =
  "# comment\r\n192.0.2.1\t9\n\n  192.0.2.2 # why\nnot one\n2001:db8::/32;drop\n192.0.2.1\n";

Deno.test("pfw blacklist: a list on standard input", async () => {
  await using box = new Sandbox();
  const refused = await box.pfwWithInput(LIST, "blacklist", "add", "-");
  equal(refused.code, 2);
  equal(
    refused.err,
    'pfw: warning: line 5: "not" is not an IP address or CIDR range (names are not resolved)\n' +
      "pfw: nothing was changed: 1 line of standard input is no address; " +
      "mend it, or leave such lines out: --skip-invalid\n",
  );
  equal((await box.pfw("blacklist", "list")).out, "");
  const taken = await box.pfwWithInput(LIST, "blacklist", "add", "-", "--skip-invalid", "--json");
  equal(taken.code, 0);
  deepEqual(JSON.parse(taken.out), {
    action: "add",
    list: "blacklist",
    added: ["192.0.2.1", "192.0.2.2", "2001:db8::/32"],
    alreadyThere: ["192.0.2.1"],
    invalid: [{
      line: 5,
      problem: '"not" is not an IP address or CIDR range (names are not resolved)',
    }],
    overlapping: [],
    changed: true,
    running: false,
    inKernel: false,
  });
  const removed = await box.pfwWithInput("192.0.2.1\n192.0.2.2\n", "blacklist", "remove", "-");
  equal(removed.out, `removed 192.0.2.1, 192.0.2.2 from the blacklist: ${STOPPED}\n`);
});

Deno.test("pfw blacklist: all addresses of a line are taken, and none is dropped in silence", async () => {
  await using box = new Sandbox();
  const taken = ["203.0.113.2", "203.0.113.3", "203.0.113.4", "2001:db8::1", "203.0.113.5"];
  const list =
    "203.0.113.2 203.0.113.3\n\ufeff203.0.113.4, 2001:db8::1 # two\n203.0.113.5 seen 9 times\n";
  const { code, out } = await box.pfwWithInput(list, "blacklist", "add", "-");
  deepEqual([code, out], [0, `added ${taken.join(", ")} to the blacklist: ${STOPPED}\n`]);
  deepEqual(box.readConfig().blacklist_ips, taken);
  const problems = (text: string) => readAddressLines(text).bad.map(({ problem }) => problem);
  match(problems("192.0.2.1 - 192.0.2.9")[0], /^"192\.0\.2\.9" stands among other text: write /);
  match(problems("192.0.2.1 192.0.2.300")[0], /^"192\.0\.2\.300" is not an IP address/);
  match(problems("2001:db8::1 2001:db8::g")[0], /^"2001:db8::g" is not an IP address/);
  match(problems("192.0.2.0 255.255.255.0")[0], /^"255\.255\.255\.0" looks like a netmask: write /);
  match(problems("192.0.2.0, 192.0.2.255")[0], /^"192\.0\.2\.0 192\.0\.2\.255" looks like a range/);
  deepEqual(problems("192.0.2.1 7\n192.0.2.1\t99 x\n192.0.2.1 , \n192.0.2.0 192.0.2.1"), []);
});

Deno.test("pfw blacklist: arguments without an address are wrong usage", async () => {
  await using box = new Sandbox();
  for (const word of ["add", "remove"]) {
    const { code, err } = await box.pfw("blacklist", word, "");
    equal(code, 2);
    match(err, /^pfw: nothing was changed: no address is given; see pfw blacklist \w+ --help\n$/);
  }
});

Deno.test("pfw blacklist: what is also whitelisted is warned of, both ways", async () => {
  await using box = new Sandbox();
  const black = await box.pfw("blacklist", "add", "127.0.0.0/8", "::1", "192.0.2.1");
  equal(black.code, 0);
  equal(
    black.err,
    "pfw: warning: 127.0.0.0/8 is also whitelisted (127.0.0.1): the whitelist wins\n" +
      "pfw: warning: ::1 is also whitelisted: the whitelist wins\n",
  );
  const white = await box.pfw("whitelist", "add", "192.0.2.1");
  equal(white.err, "pfw: warning: 192.0.2.1 is also blacklisted: the whitelist wins\n");
  deepEqual(box.readConfig().whitelist_ips, ["127.0.0.1", "::1", "192.0.2.1"]);
});

Deno.test("pfw whitelist: every command's help has examples", async () => {
  await using box = new Sandbox();
  for (const word of ["add", "remove", "list"]) {
    const { out } = await box.pfw("whitelist", word, "--help");
    match(out, /\nExamples:\n(.*pfw whitelist.*\n){2,3}/);
  }
});

const FEED = new URL("../../../shared/feeds/ipsum.txt", import.meta.url);
const hasFeed = await Deno.stat(FEED).then(() => true, () => false);
Deno.test({
  name: `pfw blacklist: a real list of 120,430 addresses${hasFeed ? "" : " (no ../shared/feeds)"}`,
  ignore: !hasFeed,
  fn: async () => {
    await using box = new Sandbox();
    const list = await Deno.readTextFile(FEED);
    const { out, err } = await box.pfwWithInput(list, "blacklist", "add", "-");
    deepEqual([out, err], [`added 120,430 addresses to the blacklist: ${STOPPED}\n`, ""]);
    const again = await box.pfwWithInput(list, "blacklist", "add", "-");
    equal(again.out, "120,430 addresses already there\n");
    match((await box.pfw("rules", "check")).out, /120,430 addresses blacklisted/);
  },
});

Deno.test("address lines: any text is read, every line is an address, empty, or reported", () => {
  const address = fc.constantFrom("192.0.2.1", "2001:db8::/32", "10.0.0.0/8");
  const good = fc.tuple(
    fc.constantFrom("", " ", "\t"),
    address,
    fc.constantFrom("", "\t3", " # x", ";y"),
  );
  const comment = fc.constantFrom("", "   ", "# x", " ; y", "\t#");
  const line = fc.oneof(
    good.map((parts) => ({ kind: "good", text: parts.join(""), address: parts[1] })),
    comment.map((text) => ({ kind: "empty", text, address: "" })),
    fc.constantFrom("x", ",192.0.2.1", "192.0.2", "::g", "192.0.2.1 to 192.0.2.9").map((text) => ({
      kind: "bad",
      text,
      address: "",
    })),
  );
  fc.assert(fc.property(fc.array(line), fc.constantFrom("\n", "\r\n"), (lines, end) => {
    const { addresses, bad } = readAddressLines(lines.map(({ text }) => text).join(end));
    deepEqual(addresses, lines.filter(({ kind }) => kind === "good").map(({ address }) => address));
    const expected = lines.flatMap(({ kind }, at) => kind === "bad" ? [at + 1] : []);
    deepEqual(bad.map(({ line }) => line), expected);
  }));
  fc.assert(fc.property(fc.string(), (text) => {
    ok(readAddressLines(text).addresses.length <= text.length);
  }));
});
