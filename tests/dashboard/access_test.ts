/** Who gets in, and who does not. */
import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { OwnOrigin } from "../../dashboard/access/origin.ts";
import { Pace, Penalty } from "../../dashboard/access/pace.ts";
import { Sessions } from "../../dashboard/access/session.ts";
import { loadToken, tokenFile } from "../../dashboard/access/token.ts";
import { OpenDashboard } from "./open_dashboard.ts";

/** Asked without a token, each of these must be refused. */
const CLOSED = [
  ["GET", "/api/overview"],
  ["GET", "/api/events"],
  ["GET", "/api/series?span=5m"],
  ["GET", "/api/logs"],
  ["GET", "/api/overview"],
  ["GET", "/metrics"],
  ["POST", "/api/rules/add"],
  ["POST", "/api/mode"],
  ["POST", "/api/bans"],
  ["POST", "/api/lists/blacklist"],
  ["GET", "/api/no-such-thing"],
] as const;

Deno.test("dashboard access: without a token nothing is told and nothing is done", async () => {
  await using dashboard = await OpenDashboard.open();
  for (const [method, path] of CLOSED) {
    const body = method === "POST" ? "{}" : undefined;
    const { status, text } = await dashboard.ask(path, { method, body });
    deepEqual([path, status, JSON.parse(text).code], [path, 401, "unauthorized"]);
  }
  equal(dashboard.firewall.reloads, 0);
  equal((await dashboard.ask("/")).status, 200, "the page itself holds no secret");
});

Deno.test("dashboard access: the token opens, as a bearer and exchanged for a cookie", async () => {
  await using dashboard = await OpenDashboard.open();
  equal((await dashboard.askSignedIn("/api/overview")).status, 200);
  const body = JSON.stringify({ token: dashboard.token });
  const login = await dashboard.ask("/api/login", { method: "POST", body });
  equal(login.status, 204);
  const set = login.headers.get("set-cookie") ?? "";
  for (const attribute of ["HttpOnly", "SameSite=Strict", "Path=/"]) ok(set.includes(attribute));
  const cookie = set.split(";")[0];
  equal((await dashboard.ask("/api/overview", { headers: { cookie } })).status, 200);
  ok(!set.includes(dashboard.token), "the cookie is not the token");
  const out = await dashboard.ask("/api/logout", { method: "POST", headers: { cookie } });
  match(out.headers.get("set-cookie") ?? "", /^pfw_session=; Max-Age=0/);
});

Deno.test("dashboard access: a wrong token and a cookie that was made up do not", async () => {
  await using dashboard = await OpenDashboard.open();
  const wrong = JSON.stringify({ token: `${dashboard.token}x` });
  equal((await dashboard.ask("/api/login", { method: "POST", body: wrong })).status, 401);
  const headers = { authorization: "Bearer no" };
  equal((await dashboard.ask("/api/overview", { headers })).status, 401);
  const [name, value] = (await dashboard.signIn()).split("=");
  const [end, signature] = value.split(".");
  const later = `${name}=${Number(end) + 1}.${signature}`;
  for (const cookie of [later, `${name}=${value}0`, `${name}=${value}.x`, `${name}=`, name]) {
    equal((await dashboard.ask("/api/overview", { headers: { cookie } })).status, 401, cookie);
  }
});

Deno.test("dashboard access: other pages, other names and other ports are refused", async () => {
  await using dashboard = await OpenDashboard.open();
  const cookie = await dashboard.signIn();
  const own = `http://127.0.0.1:${dashboard.port}`;
  const statusOf = async (headers: Record<string, string>, method = "GET", body?: string) =>
    (await dashboard.ask("/api/overview", { method, body, headers: { cookie, ...headers } }))
      .status;
  equal(await statusOf({}), 200);
  equal(await statusOf({ origin: own }), 200);
  equal(await statusOf({ origin: "https://evil.example" }), 403);
  equal(await statusOf({ origin: "null" }), 403);
  equal(await statusOf({ origin: `http://127.0.0.1:${dashboard.port + 1}` }), 403);
  equal(await statusOf({ "sec-fetch-site": "cross-site" }), 403);
  equal(await statusOf({ "sec-fetch-site": "same-site" }), 403, "another port of this host");
  equal(await statusOf({ "sec-fetch-site": "none" }, "POST", "{}"), 403);
  equal(await statusOf({ host: `evil.example:${dashboard.port}` }), 421, "DNS rebinding");
  equal(await statusOf({ host: "127.0.0.1:1" }), 421);
  equal(await statusOf({ host: `localhost:${dashboard.port}` }), 200);
});

Deno.test("dashboard access: names that are configured are its own, others are not", () => {
  const origin = new OwnOrigin("https", 8787, ["Firewall.example"]);
  ok(origin.isOwnHost("firewall.example:8787"));
  ok(origin.isOwnHost("192.0.2.1:8787"));
  ok(origin.isOwnHost("[2001:db8::1]:8787"));
  for (
    const host of [
      undefined,
      "",
      "firewall.example",
      "a.firewall.example:8787",
      "firewall.example:8787/x",
      "x@firewall.example:8787",
      ":x@firewall.example:8787",
      "firewall.example:8787#x",
      "firewall.example:8787?x",
      "firewall.example:8787\\x",
      "0x7f000001.example:8787",
    ]
  ) ok(!origin.isOwnHost(host), String(host));
});

Deno.test("dashboard access: a session ends, is renewed in its second half, and fits one token", () => {
  const sessions = new Sessions("secret", false), now = Date.UTC(2026, 0, 1), day = 86_400_000;
  const cookie = sessions.begin(now).split(";")[0];
  equal(sessions.judge(cookie, now), "valid");
  equal(sessions.judge(cookie, now + 4 * day), "old");
  equal(sessions.judge(cookie, now + 8 * day), "none");
  equal(new Sessions("other", false).judge(cookie, now), "none");
  equal(sessions.judge(`a=b; ${cookie}; c=d`, now), "valid", "among others");
  ok(new Sessions("secret", true).begin(now).includes("Secure"));
});

Deno.test("dashboard access: the token is made once, is long, and only its owner reads it", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const token = await loadToken(directory);
    match(token, /^[\w-]{43}$/);
    equal(await loadToken(directory), token);
    equal((Deno.statSync(tokenFile(directory)).mode ?? 0) & 0o777, 0o600);
    Deno.chmodSync(tokenFile(directory), 0o640);
    await rejects(loadToken(directory), /others may read/);
    Deno.removeSync(tokenFile(directory));
    notEqual(await loadToken(directory), token);
    Deno.writeTextFileSync(tokenFile(directory), "short\n");
    await rejects(loadToken(directory), /does not hold one/);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("dashboard access: wrong tokens are answered later each time, and not all at once", async () => {
  const penalty = new Penalty();
  const waits: number[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const started = performance.now();
    ok(await penalty.serve());
    waits.push(performance.now() - started);
  }
  ok(waits[1] > 1.5 * waits[0] && waits[2] > 1.5 * waits[1], waits.join(" "));
  const all = await Promise.all(
    Array.from({ length: 40 }, () => new Penalty()).slice(0, 1)
      .flatMap((fresh) => Array.from({ length: 40 }, () => fresh.serve())),
  );
  equal(all.filter((isServed) => !isServed).length, 24, "16 may wait, the rest is sent away");
});

Deno.test("dashboard access: a pace lets a burst through, then so many a second", () => {
  const pace = new Pace(3, 2);
  const start = performance.now() + 10;
  const taken = [0, 0, 0, 0, 500, 501, 1_001].map((after) => pace.take(start + after));
  deepEqual(taken, [true, true, true, false, true, false, true]);
});

Deno.test("dashboard access: too many requests are told to wait", async () => {
  await using dashboard = await OpenDashboard.open();
  const cookie = await dashboard.signIn();
  // Faster than strangers are given requests back, on any machine; it ends at the first refusal.
  let isRefused = false;
  await Promise.all(Array.from({ length: 40 }, async () => {
    for (let at = 0; at < 100 && !isRefused; at++) {
      isRefused ||= (await dashboard.ask("/api/overview")).status === 429;
    }
  }));
  ok(isRefused, "strangers are slowed down");
  equal((await dashboard.askSignedIn("/api/overview")).status, 200, "who has the token is not");
  equal((await dashboard.ask("/api/overview", { headers: { cookie } })).status, 200);
});

Deno.test({
  name: "dashboard access: a token of somebody else's is none, whatever its mode",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const directory = Deno.makeTempDirSync();
    try {
      await loadToken(directory);
      Deno.chownSync(tokenFile(directory), 65_534, 65_534);
      await rejects(loadToken(directory), /others may read/);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
