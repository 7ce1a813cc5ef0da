/** What a running pfw answers on its control socket is what docs/openapi.json says. */
import { deepEqual, equal } from "node:assert/strict";
import { routesDescribed, validateAnswer } from "../../dashboard/openapi.ts";
import { ask } from "../../engine/control/client.ts";
import { createPair, kernelTest } from "../support/netns.ts";
import { startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** A request, and the status that it is answered with. */
type Question = readonly [method: "GET" | "POST", path: string, status: number, body?: unknown];

const BAN = { addresses: ["203.0.113.7"], seconds: 600, reason: "test" };
const SUBJECT = { address: "203.0.113.7", direction: "in", protocol: "tcp", port: 22 };

/** In this order; the last one ends it. */
const QUESTIONS: readonly Question[] = [
  ["GET", "/status", 200],
  ["GET", "/stats", 200],
  ["GET", "/rules", 200],
  ["GET", "/lifelines", 200],
  ["GET", "/threats", 200],
  ["POST", "/threats/update", 422, { names: ["Nobody"] }],
  ["POST", "/threats/update", 200, {}],
  ["POST", "/bans", 200, BAN],
  ["POST", "/bans", 422, { ...BAN, seconds: 0 }],
  ["GET", "/bans", 200],
  ["POST", "/explain", 200, SUBJECT],
  ["POST", "/explain", 422, { ...SUBJECT, port: 0 }],
  ["GET", "/status", 200],
  ["POST", "/bans/remove", 200, { addresses: ["203.0.113.7", "203.0.113.8"] }],
  ["POST", "/reload", 200, {}],
  ["POST", "/reload", 409, { config: "/elsewhere.json" }],
  ["POST", "/stop", 200],
];

for (const mode of ["enforce", "monitor"]) {
  kernelTest(`openapi: the socket's answers are as described (${mode})`, async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig({
      rules: [
        { name: "No SMTP", action: "block", protocol: "tcp", ports: [25] },
        { name: "SSH", action: "allow", protocol: "tcp", ports: [22], direction: "in" },
      ],
      blacklist_ips: ["198.51.100.0/24"],
      threat_feeds: [{ name: "None", url: "file:///nowhere/feed.txt", format: "plain" }],
    });
    await using pfw = await startPfw(link.local, sandbox, mode === "monitor" ? ["--monitor"] : []);
    for (const [method, path, status, body] of QUESTIONS) {
      const answer = await ask(sandbox.paths, method, path, body);
      equal(answer?.status, status, `${method} ${path}: ${JSON.stringify(answer?.body)}`);
      const problems = validateAnswer(method, path, status, answer?.body);
      deepEqual(problems, [], `${method} ${path}: ${JSON.stringify(answer?.body).slice(0, 2000)}`);
    }
    equal((await pfw.ended).code, 0);
  });
}

Deno.test("openapi: every route of the socket is asked in the test above", () => {
  const asked = new Set(QUESTIONS.map(([method, path]) => `${method} ${path}`));
  deepEqual(
    routesDescribed("socket").map(({ method, path }) => `${method} ${path}`).toSorted(),
    [...asked].toSorted(),
  );
});
