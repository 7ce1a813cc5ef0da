/** Changes while pfw runs (a stand-in on its socket), and many changes at once. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checkConfig } from "../../engine/policy/config.ts";
import { Sandbox } from "../support/sandbox.ts";

Deno.test("running pfw: a change is in the kernel when the command returns", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const seen: unknown[] = [];
  box.standIn((request) => {
    // As a version would that makes no changes itself.
    if (request === "POST /edit") return [404, {}];
    seen.push([request, box.readConfig().blacklist_ips]);
    return [200, { summary: "done", mode: "enforce" }];
  });
  const { code, out } = await box.pfw("blacklist", "add", "192.0.2.1");
  equal(code, 0);
  match(out, /^added 192\.0\.2\.1 to the blacklist: in the kernel now \(\d+ ms\)\n$/);
  deepEqual(seen, [["POST /reload", ["192.0.2.1"]]]);
  const json = JSON.parse((await box.pfw("blacklist", "remove", "192.0.2.1", "--json")).out);
  deepEqual([json.changed, json.running, json.inKernel], [true, true, true]);
  ok(json.milliseconds >= 0);
});

Deno.test("running pfw: what only observes or uses another file is not the kernel", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  let answer: [number, unknown] = [200, { summary: "done", mode: "monitor" }];
  box.standIn(() => answer);
  match(
    (await box.pfw("blacklist", "add", "192.0.2.1")).out,
    /: pfw only observes, and judges by it now \(\d+ ms\)\n$/,
  );
  answer = [409, { otherConfig: "/x.json" }];
  equal(
    (await box.pfw("blacklist", "add", "192.0.2.2")).out,
    "added 192.0.2.2 to the blacklist: the running pfw uses /x.json: " +
      "takes effect when pfw starts with this file\n",
  );
  const json = JSON.parse((await box.pfw("blacklist", "remove", "192.0.2.2", "--json")).out);
  deepEqual([json.changed, json.running, json.inKernel], [true, false, false]);
});

Deno.test("running pfw: what it refuses is taken back, with its exit code", async () => {
  await using box = new Sandbox();
  const text = '{"blacklist_ips": []}';
  box.writeConfig(text);
  box.standIn(() => [422, { error: "the kernel said no", exitCode: 4 }]);
  const { code, out, err } = await box.pfw("blacklist", "add", "192.0.2.1");
  deepEqual([code, out], [4, ""]);
  equal(
    err,
    "pfw: the running pfw refused the change, and it was taken back: the kernel said no; " +
      "see pfw status\n",
  );
  equal(Deno.readTextFileSync(box.paths.config), text);
});

Deno.test("running pfw: the list shows what the kernel counted", async () => {
  await using box = new Sandbox();
  box.writeConfig({
    rules: [{ name: "a", action: "block" }, { name: "b", action: "block", enabled: false }],
  });
  const before = JSON.parse((await box.pfw("rules", "list", "--json")).out);
  const hits = { id: before.rules[0].id, packets: 12_345, bytes: 67_890 };
  box.standIn((request) => request === "GET /rules" ? [200, [hits]] : [404, {}]);
  match((await box.pfw("rules", "list")).out, /\n1 {2}on .* 12,345\n2 {2}off .* -\n/);
  const after = JSON.parse((await box.pfw("rules", "list", "--json")).out);
  equal(after.running, true);
  deepEqual(after.rules[0].hits, { packets: 12_345, bytes: 67_890 });
});

Deno.test("running pfw: what it counts is unknown where it does not tell, the list is there", async () => {
  await using box = new Sandbox();
  box.writeConfig({ rules: [{ name: "a", action: "block" }] });
  const list = async (through: readonly string[] = []) => {
    const { code, out, err } = await box.pfwThrough(through, "", ["rules", "list", "--json"]);
    const { running, rules: [{ name, hits }] } = JSON.parse(out);
    deepEqual([code, running, name, hits], [0, null, "a", null]);
    return err;
  };
  box.standIn(() => [500, {}]);
  match(await list(), /^pfw: warning: hits are unknown: the running pfw answered with 500\n$/);
  Deno.chmodSync(box.paths.runDir, 0);
  // Root may go everywhere; without these capabilities it may not.
  const bare = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"];
  const err = await list(Deno.uid() === 0 ? bare : []);
  Deno.chmodSync(box.paths.runDir, 0o700);
  match(err, /^pfw: warning: hits are unknown: only the user that started pfw .* \(sudo\)\n$/);
});

Deno.test("many at once: 30 processes change the file, none is lost, it is always valid", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  let done = false;
  const watch = (async () => {
    for (; !done; await new Promise((later) => setTimeout(later, 2))) {
      ok(checkConfig(Deno.readTextFileSync(box.paths.config)).ok);
    }
  })();
  const runs = await Promise.all(
    Array.from(
      { length: 30 },
      (_, at) =>
        at % 2 === 0
          ? box.pfw("rules", "add", `rule ${at}`, "block", "--ports", String(at + 1))
          : box.pfw("blacklist", "add", `198.51.100.${at}`),
    ),
  );
  done = true;
  await watch;
  deepEqual(runs.map(({ code }) => code), new Array(30).fill(0));
  const { rules, blacklist_ips } = box.readConfig();
  const ports = rules.map((rule: { ports: number[] }) => rule.ports[0]);
  deepEqual(
    ports.sort((a: number, b: number) => a - b),
    Array.from({ length: 15 }, (_, at) => 2 * at + 1),
  );
  equal(new Set(blacklist_ips).size, 15);
});
