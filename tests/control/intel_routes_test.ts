/** The routes of feeds and bans: what they pass on, and what they refuse before anybody acts. */
import { deepEqual, equal, match } from "node:assert/strict";
import fc from "fast-check";
import type { Ban, BanView } from "../../engine/bans/ban.ts";
import type {
  BanRequest,
  ThreatsAnswer,
  UpdateRequest,
} from "../../engine/control/intel_control.ts";
import { type Controlled, controlRoutes } from "../../engine/control/server.ts";
import { PfwError } from "../../engine/errors.ts";

const THREATS: ThreatsAnswer = { feeds: [], entries: 7, updating: false, fault: null };

function viewOf(address: string, cause: Ban["cause"] = "manual"): BanView {
  return {
    address,
    cause,
    reason: "x",
    evidence: {},
    since: "2026-01-01T00:00:00.000Z",
    until: "2026-01-01T01:00:00.000Z",
    secondsLeft: 60,
    offences: 1,
  };
}

/** A running pfw that writes down what it is asked to do. */
class Recorded {
  readonly updates: UpdateRequest[] = [];
  readonly added: BanRequest[] = [];
  readonly removed: (readonly string[])[] = [];

  readonly routes = controlRoutes({
    stats: () => ({ mode: "monitor" }),
    threats: {
      answer: () => THREATS,
      beginUpdate: (request: UpdateRequest) => {
        if (request.names?.includes("Nobody")) {
          throw new PfwError("cannot update", "no such feed", "", 2);
        }
        this.updates.push(request);
      },
    },
    bans: {
      list: () => [viewOf("192.0.2.1")],
      add: (request: BanRequest) => {
        if (request.addresses.includes("192.0.2.254") && !request.force) {
          return Promise.reject(new PfwError("cannot ban 192.0.2.254", "it is the gateway"));
        }
        this.added.push(request);
        return Promise.resolve({ bans: request.addresses.map((address) => viewOf(address)) });
      },
      remove: ({ addresses }: { addresses: readonly string[] }) => {
        this.removed.push(addresses);
        return Promise.resolve({ bans: [], unknown: addresses });
      },
    },
  } as unknown as Controlled);

  async post(path: string, body: unknown): Promise<[number, Record<string, unknown>]> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await this.routes.request(path, { method: "POST", body: text });
    return [answer.status, await answer.json()];
  }
}

Deno.test("intel routes: answers carry the mode, requests arrive as types", async () => {
  const pfw = new Recorded();
  const threats = await pfw.routes.request("/threats");
  deepEqual(await threats.json(), { ...THREATS, mode: "monitor" });
  const bans = await (await pfw.routes.request("/bans")).json();
  deepEqual(bans, { bans: [viewOf("192.0.2.1")], mode: "monitor" });
  equal((await pfw.post("/threats/update", ""))[0], 200);
  equal((await pfw.post("/threats/update", { names: ["A"], force: true }))[0], 200);
  deepEqual(pfw.updates, [{ force: false }, { names: ["A"], force: true }]);
  const [status, answer] = await pfw.post("/bans", {
    addresses: ["192.0.2.9", "2001:db8::/64"],
    seconds: 600,
    reason: "why",
    more: 1,
  });
  deepEqual([status, answer.mode, (answer.bans as BanView[]).length], [200, "monitor", 2]);
  deepEqual(pfw.added, [
    { addresses: ["192.0.2.9", "2001:db8::/64"], seconds: 600, reason: "why", force: false },
  ]);
  const inSession = { ...GOOD, force: true, session: "203.0.113.7" };
  equal((await pfw.post("/bans", inSession))[0], 200);
  deepEqual(pfw.added.at(-1), inSession);
  deepEqual((await pfw.post("/bans/remove", { addresses: ["192.0.2.9"] }))[1].unknown, [
    "192.0.2.9",
  ]);
});

Deno.test("intel routes: what the firewall refuses comes with its reason and exit code", async () => {
  const pfw = new Recorded();
  const gateway = { addresses: ["192.0.2.254"], seconds: 60, reason: "x" };
  deepEqual(await pfw.post("/bans", gateway), [
    422,
    { error: "cannot ban 192.0.2.254: it is the gateway", code: "failed", exitCode: 1 },
  ]);
  equal((await pfw.post("/bans", { ...gateway, force: true }))[0], 200);
  deepEqual(await pfw.post("/threats/update", { names: ["Nobody"] }), [
    422,
    { error: "cannot update: no such feed", code: "invalid", exitCode: 2 },
  ]);
});

const GOOD = { addresses: ["192.0.2.1"], seconds: 60, reason: "why" };
const WRONG: readonly [path: string, body: unknown, why: RegExp][] = [
  ["/bans", "{", /expected a JSON object/],
  ["/bans", "[]", /expected a JSON object/],
  ["/bans", "null", /expected a JSON object/],
  ["/bans", {}, /`seconds` is not a whole number/],
  ["/bans", { ...GOOD, seconds: 1.5 }, /whole number/],
  ["/bans", { ...GOOD, seconds: 0 }, /from 1 to 315360000/],
  ["/bans", { ...GOOD, seconds: 1e12 }, /from 1 to 315360000/],
  ["/bans", { ...GOOD, reason: undefined }, /`reason` is not text/],
  ["/bans", { ...GOOD, reason: "a\nb" }, /`reason` .*control character/],
  ["/bans", { ...GOOD, reason: "x".repeat(101) }, /`reason` is 101 characters long/],
  ["/bans", { ...GOOD, addresses: "192.0.2.1" }, /`addresses` is not a list/],
  ["/bans", { ...GOOD, session: "home" }, /`session`: /],
  ["/bans", { ...GOOD, session: 7 }, /`session`: /],
  ["/bans", { ...GOOD, addresses: [] }, /`addresses` is empty/],
  ["/bans", { ...GOOD, addresses: ["192.0.2.300"] }, /"192\.0\.2\.300" is not an IP/],
  ["/bans", { ...GOOD, addresses: [7] }, /expected an address, not a number/],
  ["/bans", { ...GOOD, addresses: Array(1001).fill("192.0.2.1") }, /more than 1000/],
  ["/bans", { ...GOOD, force: "yes" }, /`force` is "yes", not true or false/],
  ["/bans/remove", {}, /`addresses` is not a list/],
  ["/bans/remove", { addresses: Array(1001).fill("192.0.2.1") }, /more than 1000/],
  ["/threats/update", { names: "A" }, /`names` is not a list/],
  ["/threats/update", { names: [1] }, /expected the name of a feed/],
  ["/threats/update", { names: ["\u001b[2J"] }, /control character/],
  ["/threats/update", { names: Array(101).fill("A") }, /more than 100/],
  ["/threats/update", { force: 1 }, /`force` is 1/],
];

Deno.test("intel routes: a wrong body is refused, and nobody acts on it", async () => {
  const pfw = new Recorded();
  for (const [path, body, why] of WRONG) {
    const [status, { error, exitCode }] = await pfw.post(path, body);
    deepEqual([status, exitCode], [422, 2], JSON.stringify(body));
    match(String(error), why);
  }
  deepEqual([pfw.added, pfw.removed, pfw.updates], [[], [], []]);
});

Deno.test("intel routes: whatever JSON comes, only well formed requests arrive", async () => {
  await fc.assert(fc.asyncProperty(fc.json(), async (text) => {
    const pfw = new Recorded();
    for (const path of ["/bans", "/bans/remove", "/threats/update"]) {
      const [status] = await pfw.post(path, text);
      equal(status === 200 || status === 422, true);
    }
    // No such text names addresses, so nothing was banned or released.
    deepEqual([pfw.added, pfw.removed], [[], []]);
  }));
});

Deno.test("intel routes: a pfw without feeds or bans says so", async () => {
  const bare = controlRoutes(
    { stats: () => ({ mode: "enforce" }) } as unknown as Controlled,
  );
  for (const [path, method] of [["/threats", "GET"], ["/bans", "GET"], ["/bans", "POST"]]) {
    const answer = await bare.request(path, { method });
    equal(answer.status, 404);
    match((await answer.json()).error, /^the running pfw has no (threat feeds|bans): /);
  }
});
