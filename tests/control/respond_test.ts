/** How the running firewall says no. */
import { deepEqual, equal } from "node:assert/strict";
import { Hono } from "hono";
import { addRuleRequest } from "../../engine/control/edit_requests.ts";
import { readBody, refusal, respond } from "../../engine/control/respond.ts";
import { PfwError } from "../../engine/errors.ts";
import { CutError } from "../../engine/policy/cut_error.ts";

Deno.test("respond: what is wrong with a request is told value by value", async () => {
  const app = new Hono();
  app.post("/", (context) => respond(context, () => readBody(context, addRuleRequest)));
  const body = JSON.stringify({ rule: { name: "a", action: "block", ports: [99999] }, extra: 1 });
  const response = await app.request("/", { method: "POST", body });
  const { code, error, problems } = await response.json();
  deepEqual([response.status, code], [422, "invalid"]);
  deepEqual(problems.map(({ path }: { path: string }) => path), ["rule.ports[0]", "extra"]);
  equal(error, `wrong request: rule.ports[0]: ${problems[0].message}, extra: unknown key`);
});

Deno.test("respond: a page is not told what to type on a command line", () => {
  const cut = { lifeline: "your session", by: "rule 1" };
  const { answer } = refusal(new CutError("cannot add the rule", [cut]));
  equal(answer.plain, "cannot add the rule: rule 1 would cut your session");
  equal(answer.error.startsWith(`${answer.plain}; if you mean it, --force`), true);
  equal(refusal(new PfwError("cannot", "why")).answer.plain, undefined, "it is the same");
});
