/** The route of changes: what it passes on, and how a refusal comes back. */
import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { EditRequest } from "../../engine/control/edit_by_running.ts";
import { type Controlled, controlRoutes } from "../../engine/control/server.ts";
import { PfwError } from "../../engine/errors.ts";

const REQUEST: EditRequest = {
  config: "/etc/rules.json",
  dataDir: "/var/lib/pfw",
  name: "toggleRule",
  input: { number: 3 },
  command: "rules toggle 3",
  user: "me",
  force: false,
};

type Edit = Controlled["edit"];

async function post(edit: Edit, body: unknown): Promise<[number, unknown]> {
  const routes = controlRoutes({ edit } as unknown as Controlled);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await routes.request("/edit", { method: "POST", body: text });
  return [response.status, await response.json()];
}

Deno.test("edit route: a change arrives as it was asked for, and its answer comes back", async () => {
  const seen: EditRequest[] = [];
  const answer = {
    value: ["192.0.2.1"],
    changed: true,
    answer: { running: true, ok: true, summary: "x", mode: "enforce" } as const,
    milliseconds: 7,
    notices: ["careful"],
  };
  const edit: Edit = (request, isGone) => {
    equal(isGone(), false);
    seen.push(request);
    return Promise.resolve(answer);
  };
  deepEqual(await post(edit, REQUEST), [200, answer]);
  deepEqual(seen.map((request) => JSON.parse(JSON.stringify(request))), [REQUEST]);
});

Deno.test("edit route: a refusal keeps its parts, so that the command can print it as its own", async () => {
  const refused = new PfwError("cannot change", "it is full", "empty it", 2);
  deepEqual(await post(() => Promise.reject(refused), REQUEST), [422, {
    what: "cannot change",
    why: "it is full",
    next: "empty it",
    exitCode: 2,
  }]);
  deepEqual(await post(() => Promise.reject(new TypeError("x is not y")), REQUEST), [422, {
    what: "cannot make this change",
    why: "x is not y",
    next: "",
    exitCode: 1,
  }]);
});

Deno.test("edit route: another pfw's files, and a pfw that makes no changes, are told apart", async () => {
  equal((await post(() => Promise.resolve(undefined), REQUEST))[0], 409);
  equal((await post(undefined, REQUEST))[0], 404);
});

Deno.test("edit route: whatever JSON comes, only whole requests with a known name arrive", async () => {
  const names = ["addRule", "removeRules", "toggleRule", "moveRule", "addAddresses"];
  const isWhole = ({ config, dataDir, name, input, command, user, force }: EditRequest) =>
    [config, dataDir, command, user].every((text) => typeof text === "string") &&
    [...names, "removeAddresses"].includes(name) && typeof input === "object" &&
    typeof force === "boolean";
  const odd = fc.oneof(fc.jsonValue(), fc.constantFrom("toString", "__proto__", "constructor"));
  const body = fc.oneof(
    fc.jsonValue(),
    fc.tuple(fc.constantFrom(...Object.keys(REQUEST)), odd)
      .map(([key, value]) => ({ ...REQUEST, [key]: value })),
  );
  await fc.assert(fc.asyncProperty(body, async (body) => {
    let arrived = false;
    const [status] = await post((request) => {
      arrived = true;
      equal(isWhole(request), true);
      return Promise.resolve(undefined);
    }, body);
    equal(status, arrived ? 409 : 422);
  }));
  equal((await post(() => Promise.resolve(undefined), "{ broken"))[0], 422);
});
