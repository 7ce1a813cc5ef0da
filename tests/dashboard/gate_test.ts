/** What somebody without a token can do to the dashboard: nothing that lasts. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { Dashboard, openDoor } from "../../dashboard/dashboard.ts";
import { libc } from "../../ffi/libc.ts";
import { LOCALHOST_TLS } from "../intel/certificate.ts";
import { Firewall } from "./firewall.ts";
import { freePort, OpenDashboard, type OpenDashboard as Open, readAll } from "./open_dashboard.ts";

// It stays open for the life of the process: a test that loads it would seem to leak it.
libc();

const encode = (text: string) => new TextEncoder().encode(text);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Opens connections that say nothing. */
async function idle(dashboard: Open, count: number): Promise<Deno.Conn[]> {
  const conns: Deno.Conn[] = [];
  for (let at = 0; at < count; at++) conns.push(await dashboard.connect());
  return conns;
}

Deno.test("dashboard gate: a thousand silent connections take nobody's place", async () => {
  await using dashboard = await OpenDashboard.open();
  const cookie = await dashboard.signIn();
  const headers = { cookie };
  using page = await dashboard.connect();
  await page.write(encode(
    `GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:${dashboard.port}\r\ncookie: ${cookie}\r\n\r\n`,
  ));
  const stream = page.readable.pipeThrough(new TextDecoderStream()).getReader();
  match((await stream.read()).value ?? "", /^HTTP\/1.1 200/);
  const conns = await idle(dashboard, 1_000);
  try {
    ok(dashboard.dashboard.connections.now <= 100, "their number is bounded");
    ok(dashboard.dashboard.connections.refused >= 900);
    equal((await dashboard.ask("/api/overview", { headers })).status, 200);
    equal(dashboard.dashboard.pages, 1, "a page that is open stays so");
    let text = "";
    while (!text.includes("event: tick")) text += (await stream.read()).value ?? "";
  } finally {
    for (const conn of conns) conn.close();
    await stream.cancel();
  }
});

Deno.test("dashboard gate: who does not say what it wants is sent away", async () => {
  await using dashboard = await OpenDashboard.open({ limits: { headTime: 100 } });
  using silent = await dashboard.connect();
  using slow = await dashboard.connect();
  const drip = (async () => {
    for (const letter of "GET / HTTP/1.1\r\nhost: x\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy") {
      await slow.write(encode(letter));
      await pause(50);
    }
  })().catch(() => "closed");
  equal(await readAll(silent), "");
  equal(await drip, "closed");
});

Deno.test("dashboard gate: a head without end and HTTP/2 in the clear are cut off", async () => {
  await using dashboard = await OpenDashboard.open();
  using endless = await dashboard.connect();
  const writing = (async () => {
    await endless.write(encode("GET / HTTP/1.1\r\n"));
    for (let at = 0; at < 10_000; at++) {
      await endless.write(encode(`x-${at}: ${"y".repeat(100)}\r\n`));
    }
  })().catch(() => "closed");
  equal(await writing, "closed");
  using http2 = await dashboard.connect();
  await http2.write(encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  equal(await readAll(http2), "");
});

Deno.test("dashboard gate: bodies that are too long, or have no length, are refused unread", async () => {
  await using dashboard = await OpenDashboard.open();
  const authorization = `Bearer ${dashboard.token}`;
  for (const path of ["/api/login", "/api/rules/add", "/api/explain"]) {
    const long = await dashboard.ask(path, {
      method: "POST",
      headers: { authorization, "content-length": "10000000" },
      body: "{",
    });
    equal(long.status, 413, path);
    const endless = await dashboard.ask(path, {
      method: "POST",
      headers: { authorization, "transfer-encoding": "chunked", "content-length": "" },
      body: '5\r\n{"a":\r\n',
    });
    ok([400, 413].includes(endless.status), `${path}: ${endless.status}`);
  }
});

Deno.test("dashboard gate: a stranger's connection does not last, a page's does", async () => {
  await using dashboard = await OpenDashboard.open({ limits: { strangerTime: 300 } });
  const request = (cookie: string) =>
    encode(
      `GET / HTTP/1.1\r\nhost: 127.0.0.1:${dashboard.port}\r\ncookie: ${cookie}\r\n\r\n`,
    );
  using stranger = await dashboard.connect();
  await stranger.write(request("pfw_session=1.2"));
  const cookie = await dashboard.signIn();
  using page = await dashboard.connect();
  await page.write(request(cookie));
  match(await readAll(stranger), /^HTTP\/1.1 200/);
  await page.write(request(cookie));
  await pause(100);
  const buffer = new Uint8Array(65_536);
  ok((await page.read(buffer) ?? 0) > 0, "still there");
});

Deno.test("dashboard gate: a page that does not read costs a few messages, and then begins anew", async () => {
  await using dashboard = await OpenDashboard.open();
  const cookie = await dashboard.signIn();
  using page = await dashboard.connect();
  await page.write(encode(
    `GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:${dashboard.port}\r\ncookie: ${cookie}\r\n\r\n`,
  ));
  await pause(300);
  equal(dashboard.dashboard.pages, 1);
  page.close();
  for (let at = 0; at < 40 && dashboard.dashboard.pages > 0; at++) await pause(100);
  equal(dashboard.dashboard.pages, 0, "who is gone is forgotten");
});

Deno.test("dashboard gate: others get there only by TLS, and by names that were configured", async () => {
  const settings = { enabled: true, listen: "0.0.0.0:1", certificate: "", key: "", hosts: [] };
  await rejects(openDoor(settings), /others could get there/);
  await rejects(openDoor({ ...settings, listen: "nowhere" }), /not an address and a port/);
  await using dashboard = await OpenDashboard.open();
  const listen = `127.0.0.1:${dashboard.port}`;
  await rejects(openDoor({ ...settings, listen }), /another program listens there/);
});

Deno.test("dashboard gate: the socket behind it is its owner's alone", async () => {
  await using dashboard = await OpenDashboard.open();
  const path = `${dashboard.firewall.paths.runDir}/dashboard.sock`;
  equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});

Deno.test("dashboard gate: every answer forbids what a page of ours never does", async () => {
  await using dashboard = await OpenDashboard.open();
  for (const path of ["/", "/api/overview", "/nothing"]) {
    const { headers } = await dashboard.ask(path);
    const policy = headers.get("content-security-policy") ?? "";
    ok(policy.includes("default-src 'none'") && !policy.includes("unsafe"), path);
    ok(policy.includes("frame-ancestors 'none'"));
    equal(headers.get("x-content-type-options"), "nosniff");
    equal(headers.get("referrer-policy"), "no-referrer");
  }
});

Deno.test("dashboard gate: script in names goes out as JSON, and comes back as it was", async () => {
  await using dashboard = await OpenDashboard.open();
  const name = `<script>alert(1)</script><img src=x onerror="alert(2)">`;
  const rule = { name, action: "block", protocol: "tcp", ports: [9] };
  equal((await dashboard.askSignedIn("/api/rules/add", { rule })).status, 200);
  const { headers, text } = await dashboard.askSignedIn("/api/overview");
  match(headers.get("content-type") ?? "", /^application\/json/);
  deepEqual(
    JSON.parse(text).config.rules.map(({ rule }: { rule: { name: string } }) => rule.name),
    [
      name,
    ],
  );
});

Deno.test("dashboard gate: a stream that nobody reads is not begun, so HEAD takes no page's place", async () => {
  await using dashboard = await OpenDashboard.open();
  const cookie = await dashboard.signIn();
  for (let at = 0; at < 3; at++) {
    const { status } = await dashboard.ask("/api/events", { method: "HEAD", headers: { cookie } });
    equal(status, 404);
  }
  equal(dashboard.dashboard.pages, 0);
});

Deno.test("dashboard gate: who guesses at tokens does not keep pfw from ending", async () => {
  const dashboard = await OpenDashboard.open();
  const wrong = JSON.stringify({ token: "wrong" });
  const guesses: Promise<unknown>[] = [];
  for (let at = 0; at < 12; at++) {
    guesses.push(dashboard.ask("/api/login", { method: "POST", body: wrong }).catch(() => {}));
  }
  await pause(200);
  const started = performance.now();
  await dashboard[Symbol.asyncDispose]();
  await Promise.all(guesses);
  ok(performance.now() - started < 4_000, "some guesses would wait five seconds");
});

Deno.test("dashboard gate: a start that fails leaves neither clock nor port behind", async () => {
  using firewall = new Firewall();
  const runDir = `${firewall.directory}/${"long".repeat(20)}`;
  Deno.mkdirSync(runDir);
  const listen = `127.0.0.1:${freePort()}`;
  const settings = { enabled: true, listen, certificate: "", key: "", hosts: [] };
  const paths = { ...firewall.paths, runDir };
  // The test itself fails where something goes on.
  const options = { paths, settings, version: "0.0.0", files: new Map() };
  await rejects(
    async () => await Dashboard.start(firewall, await openDoor(settings), options),
    /cannot listen on .*dashboard\.sock: .*--run-dir/,
  );
  (await openDoor(settings)).close();
});

Deno.test("dashboard gate: who never ends a TLS handshake leaves no descriptor behind", async () => {
  using files = new Firewall();
  const certificate = `${files.directory}/cert.pem`, key = `${files.directory}/key.pem`;
  Deno.writeTextFileSync(certificate, LOCALHOST_TLS.cert);
  Deno.writeTextFileSync(key, LOCALHOST_TLS.key);
  await using dashboard = await OpenDashboard.open({ settings: { certificate, key } });
  const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = descriptors();
  const conns = await idle(dashboard, 400);
  try {
    await Promise.all(
      conns.slice(200).map((conn) => conn.write(encode("\x16\x03\x01\x02\x00\x01"))),
    );
    // Their own ends are in this process too.
    const most = before + conns.length + 120;
    for (let at = 0; at < 50 && descriptors() > most; at++) await pause(100);
    ok(descriptors() <= most, `${descriptors() - before} for ${conns.length} connections`);
    const client = await Deno.connectTls({
      hostname: "localhost",
      port: dashboard.port,
      caCerts: [LOCALHOST_TLS.cert],
    });
    const host = `localhost:${dashboard.port}`;
    await client.write(encode(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`));
    match(await readAll(client), /^HTTP\/1.1 200[^]*strict-transport-security/i);
    client.close();
  } finally {
    for (const conn of conns) conn.close();
  }
});

Deno.test("dashboard gate: a program that sends the token is no stranger", async () => {
  await using dashboard = await OpenDashboard.open({ limits: { strangerTime: 300 } });
  const request = `GET / HTTP/1.1\r\nhost: 127.0.0.1:${dashboard.port}\r\n`;
  using wrong = await dashboard.connect();
  await wrong.write(encode(`${request}authorization: Bearer ${"x".repeat(43)}\r\n\r\n`));
  using program = await dashboard.connect();
  const known = encode(`${request}Authorization: Bearer ${dashboard.token}\r\n\r\n`);
  await program.write(known);
  match(await readAll(wrong), /^HTTP\/1.1 200/, "and then it was ended");
  const buffer = new Uint8Array(65_536);
  ok((await program.read(buffer) ?? 0) > 0);
  await program.write(known);
  ok((await program.read(buffer) ?? 0) > 0, "still there");
});
