/** docs/openapi.json: sound as OpenAPI 3.1, whole, and in step with the contract and the routes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as z from "zod";
import {
  openApiText,
  OPERATIONS,
  routesDescribed,
  validateAnswer,
} from "../../dashboard/openapi.ts";
import { nameOf } from "../../dashboard/openapi/names.ts";
import { type Controlled, controlRoutes } from "../../engine/control/server.ts";
import { ROOT } from "../support/pfw.ts";

type Tree = Record<string, unknown>;

interface Described extends Tree {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly {
    name: string;
    in: string;
    required: boolean;
    description: string;
  }[];
  readonly responses: Record<string, { description: string; content?: Record<string, Tree> }>;
  readonly security?: readonly Tree[];
}

const text = Deno.readTextFileSync(join(ROOT, "docs/openapi.json"));
const document = JSON.parse(text);
const components: Record<string, Tree> = document.components.schemas;

/** Every operation with its path. */
const described: [path: string, method: string, operation: Described][] = Object.entries(
  document.paths as Record<string, Tree>,
).flatMap(([path, item]) =>
  Object.entries(item).filter(([key]) => key !== "servers")
    .map(([method, operation]) => [path, method, operation as Described] as const)
) as [string, string, Described][];

Deno.test("openapi: the file is what `deno task schemas` makes", () => {
  assert.equal(text, openApiText(), "run deno task schemas");
});

Deno.test("openapi: the document has the parts that OpenAPI 3.1 asks for", () => {
  assert.match(document.openapi, /^3\.1\.\d$/);
  assert.ok(document.info.title && document.info.version);
  for (const [name, scheme] of Object.entries<Tree>(document.components.securitySchemes)) {
    assert.ok(["apiKey", "http"].includes(scheme.type as string), name);
  }
  for (const name of Object.keys(components)) assert.match(name, /^[A-Za-z0-9._-]+$/);
  const tags = document.tags.map(({ name }: { name: string }) => name);
  for (const [path, , operation] of described) {
    assert.ok((operation.tags as string[]).every((tag) => tags.includes(tag)), path);
  }
});

Deno.test("openapi: every operation has an id, a summary and answers, its parameters are declared", () => {
  const ids = described.map(([, , { operationId }]) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  for (const [path, method, { operationId, summary, responses, parameters = [] }] of described) {
    assert.match(path, /^\/[a-z/{}-]+$/);
    assert.ok(["get", "post"].includes(method), path);
    assert.match(operationId, /^[a-z][A-Za-z]+$/, path);
    assert.match(summary, /^[A-Z].+\.$/, path);
    assert.ok(Object.keys(responses).some((status) => status.startsWith("2")), path);
    for (const [status, { description }] of Object.entries(responses)) {
      assert.match(status, /^([1-5]\d\d|default)$/, path);
      assert.match(description, /\.$/, `${path} ${status}`);
    }
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = parameters.filter((one) => one.in === "path");
    assert.deepEqual(declared.map(({ name }) => name), inPath, path);
    assert.ok(declared.every(({ required }) => required), path);
    for (const { description, name } of parameters) assert.match(description, /\.$/, name);
  }
});

Deno.test("openapi: every reference leads somewhere, and every schema is used", () => {
  const used = new Set<string>();
  for (const target of referencesIn(document)) {
    const name = target.replace("#/components/schemas/", "");
    assert.ok(Object.hasOwn(components, name), target);
    used.add(name);
  }
  assert.deepEqual(Object.keys(components).filter((name) => !used.has(name)), []);
});

function* referencesIn(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "$ref") yield inner as string;
    else yield* referencesIn(inner);
  }
}

/** A named schema as the file has it, so that examples are held to what others read. */
function published(name: string): z.ZodType {
  const $defs = JSON.parse(
    JSON.stringify(components).replaceAll("#/components/schemas/", "#/$defs/"),
  );
  return z.fromJSONSchema({ $defs, $ref: `#/$defs/${name}` });
}

Deno.test("openapi: examples are what their schemas say", () => {
  let examples = 0;
  const hold = (schema: z.ZodType, example: unknown, where: string) => {
    if (example === undefined) return;
    examples++;
    assert.deepEqual(schema.safeParse(example).error?.issues ?? [], [], where);
    const { error } = published(nameOf(schema)).safeParse(example);
    assert.deepEqual(error?.issues ?? [], [], `${where}, as published`);
  };
  for (const { id, request, answers } of OPERATIONS) {
    if (request) hold(request.schema, request.example, `${id}: request`);
    for (const [status, { schema, example }] of Object.entries(answers)) {
      if (schema) hold(schema, example, `${id}: ${status}`);
    }
  }
  assert.ok(examples > 50, `${examples}`);
});

Deno.test("openapi: published schemas are closed, and say what they name", () => {
  const change = published("ChangeAnswer");
  const example = {
    done: "x",
    changed: true,
    inKernel: true,
    milliseconds: 1,
    pending: null,
    notices: [],
  };
  assert.equal(change.safeParse(example).success, true);
  assert.equal(change.safeParse({ ...example, more: 1 }).success, false);
  assert.equal(change.safeParse({ ...example, milliseconds: -1 }).success, false);
  const { notices: _, ...rest } = example;
  assert.equal(change.safeParse(rest).success, false);
});

const CONTRACT = Deno.readTextFileSync(join(ROOT, "dashboard/contract.ts"));

/** Types that are a word, or what several types have in common: described where they are used. */
const PARTS = ["Mode", "ReasonCode", "Span", "ChangeManner", "RuleReference"];

Deno.test("openapi: every type of the contract has a schema", () => {
  const own = [...CONTRACT.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name);
  const passedOn = /^export type \{([^}]*)\};/m.exec(CONTRACT)![1].match(/\w+/g)!
    .map((name) => name === "BanView" ? "Ban" : name);
  const names = [...own, ...passedOn];
  assert.ok(names.length > 30);
  assert.deepEqual(
    names.filter((name) => !Object.hasOwn(components, name) && !PARTS.includes(name)),
    [],
  );
});

Deno.test("openapi: the routes of the contract are described, and no others of the dashboard", () => {
  const told = [...CONTRACT.matchAll(/(?:`|and )(?:(GET|POST) )?\/([a-z/-]+(?:NAME)?)[^`]*`/g)]
    .map(([, method = "POST", path]) => `${method} /api/${path.replace("NAME", ":name")}`)
    .map((route) => route.replace(/^POST (.*)\/(blacklist|whitelist)$/, "POST $1/:name"))
    .filter((route) => route !== "POST /api/api");
  const routes = routesDescribed("dashboard").map(({ method, path }) => `${method} ${path}`)
    .filter((route) => route !== "GET /metrics");
  assert.deepEqual([...new Set(told)].sort(), routes.toSorted());
});

/** By this a command hands its change to the running pfw of its own version; it is no promise. */
const BETWEEN_OURSELVES = "POST /edit";

/** What goes with a browser. */
const DASHBOARD_ONLY = ["/api/login", "/api/logout", "/api/events", "/api/series", "/metrics"];

Deno.test("openapi: the routes of the control socket are those that it has", () => {
  const app = controlRoutes({} as Controlled);
  const served = app.routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`);
  const own = routesDescribed("socket").map(({ method, path }) => `${method} ${path}`);
  const shared = routesDescribed("dashboard").filter(({ path }) => !DASHBOARD_ONLY.includes(path))
    .map(({ method, path }) => `${method} ${path.replace(/^\/api/, "")}`);
  const plain = served.map((route) => route.replace("{blacklist|whitelist}", ""))
    .filter((route) => route !== BETWEEN_OURSELVES);
  assert.deepEqual(new Set([...own, ...shared]), new Set(plain));
});

Deno.test("openapi: only signing in and the socket need no session or token", () => {
  const open = described.filter(([, , { security }]) => security?.length === 0)
    .map(([path]) => path);
  const socket = routesDescribed("socket").map(({ path }) => path);
  assert.deepEqual(new Set(open), new Set(["/api/login", "/api/logout", ...socket]));
});

Deno.test("openapi: a path belongs to the dashboard or to the socket", () => {
  for (const [path] of described) {
    const isSocket = document.paths[path].servers !== undefined;
    assert.equal(isSocket, !path.startsWith("/api/") && path !== "/metrics", path);
  }
});

Deno.test("openapi: an answer that is not as described is told apart", () => {
  const problems = (status: number, body?: unknown) =>
    validateAnswer("GET", "/api/lists/blacklist?offset=0", status, body);
  assert.deepEqual(problems(200, { total: 1, offset: 0, entries: ["192.0.2.1"] }), []);
  assert.match(problems(200, { total: 1, offset: 0 }).join(), /^entries: /);
  assert.match(problems(200, { total: 1, offset: 0, entries: [], more: 1 }).join(), /more/);
  assert.match(problems(201, {}).join(), /status 201 is not described/);
  assert.deepEqual(problems(401, { error: "no session", code: "unauthorized", exitCode: 1 }), []);
  assert.deepEqual(problems(500, { error: "no database", code: "failed", exitCode: 1 }), []);
  assert.match(problems(500, { error: "no database", exitCode: 1 }).join(), /^code: /);
  assert.match(validateAnswer("GET", "/api/nothing", 200, {}).join(), /is not described/);
  assert.match(validateAnswer("POST", "/api/overview", 200, {}).join(), /is not described/);
  assert.match(validateAnswer("POST", "/api/login", 204, {}).join(), /a body/);
  assert.deepEqual(validateAnswer("POST", "/api/login", 204, undefined), []);
});
