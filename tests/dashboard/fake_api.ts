/**
 * A firewall that is none: it answers the page as dashboard/contract.ts says, so that the page can
 * be looked at and tested without a kernel. By hand:
 * `deno run -A tests/dashboard/fake_api.ts [--monitor] [--busy] [--hostile] [--trouble] [--cut] [--empty]`
 */
import { join } from "node:path";
import type {
  Hello,
  ListHead,
  LiveRow,
  LiveTotals,
  LogRow,
  Span,
  Tick,
} from "../../dashboard/contract.ts";
import { ban, endTrial, isChange, makeChange, Refusal } from "./fake_changes.ts";
import { explain } from "./fake_explain.ts";
import { type FakeOptions, FakeState, fakeSummary } from "./fake_state.ts";
import { fakeSeries, FakeTraffic } from "./fake_traffic.ts";

/** What the page must live with. */
export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'";

/** The token that signs in. */
export const TOKEN = "letmein";

/** Packets a second, where nothing else is said. */
export const PACKETS = 180;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Milliseconds from one tick to the next. */
const TICK = 250;

/** A fake firewall with its page. */
export class FakeApi {
  readonly state: FakeState;
  readonly traffic: FakeTraffic;
  /** Requests so far, `POST /rules/move {…}`; without the page's files. */
  readonly requests: string[] = [];
  instance = "first";
  isSignedIn = true;
  /** Whether questions are answered at all. */
  isReachable = true;
  readonly #packets: number;
  readonly #page: string;
  readonly #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  readonly #rows: LiveRow[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #totals: LiveTotals = {
    packets: 12_345_678,
    allowed: 11_000_000,
    blocked: 0,
    wouldBlock: 0,
    lost: 0,
  };

  constructor(page: string, options: FakeOptions = {}, port = 0) {
    this.#page = page;
    this.state = new FakeState(options);
    this.#packets = options.packets ?? PACKETS;
    this.traffic = new FakeTraffic(() => this.state.mode === "monitor", options.hostileText);
    this.#timer = setInterval(() => this.#tick(), TICK);
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  /** Where the page is. */
  get address(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Ends every stream. */
  cut(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }

  /** Sends an event to everybody. */
  send(event: string, data: unknown): void {
    this.#send(encode(event, data, this.traffic.seq));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.cut();
    await this.#server.shutdown();
  }

  #send(bytes: Uint8Array): void {
    for (const stream of this.#streams) {
      try {
        stream.enqueue(bytes);
      } catch {
        this.#streams.delete(stream);
      }
    }
  }

  #tick(): void {
    const now = Date.now();
    const counts = this.traffic.counts(this.#packets * TICK / 1_000);
    const blocked = Object.values(counts.blocked).reduce((sum, count) => sum + count, 0);
    const rows = this.traffic.rows(this.state.options.isBusy ? 25 : 1, now);
    this.#rows.push(...rows);
    this.#rows.splice(0, this.#rows.length - 200);
    const isMonitor = this.state.mode === "monitor";
    this.#totals = {
      packets: this.#totals.packets + counts.allowed + blocked,
      allowed: this.#totals.allowed + counts.allowed,
      blocked: this.#totals.blocked + (isMonitor ? 0 : blocked),
      wouldBlock: this.#totals.wouldBlock + (isMonitor ? blocked : 0),
      lost: this.state.options.hasTrouble ? 1_281 : 0,
    };
    const unshown = Math.max(0, counts.allowed + blocked - rows.length);
    const tick: Tick = { now, seconds: TICK / 1_000, counts, totals: this.#totals, rows, unshown };
    this.send("tick", tick);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (!url.pathname.startsWith("/api/")) return await this.#file(url.pathname);
    const path = url.pathname.slice("/api".length);
    const body = request.method === "POST" ? await request.text() : "";
    if (!this.isReachable) return new Response(null, { status: 503 });
    this.requests.push(`${request.method} ${path}${url.search}${body && ` ${body}`}`);
    try {
      if (path === "/login") return this.#login(JSON.parse(body).token);
      if (!this.isSignedIn) {
        throw new Refusal(401, { error: "sign in", code: "unauthorized" });
      }
      if (path === "/events") return this.#events(Number(url.searchParams.get("after") ?? 0));
      return Response.json(this.#route(path, url.searchParams, body && JSON.parse(body)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return Response.json(error.answer, { status: error.status });
    }
  }

  async #file(path: string): Promise<Response> {
    const name = path === "/" ? "dashboard.html" : path.slice(1);
    if (!/^dashboard\.(html|js|css|svg)$/.test(name)) return new Response(null, { status: 404 });
    const file = await Deno.readFile(join(this.#page, name));
    return new Response(file, {
      headers: {
        "Content-Type": TYPES[name.split(".")[1]],
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
      },
    });
  }

  #login(token: string): Response {
    if (token !== TOKEN) {
      throw new Refusal(401, { error: "that is not the token", code: "unauthorized" });
    }
    this.isSignedIn = true;
    return new Response(null, { status: 204 });
  }

  #events(after: number): Response {
    let mine: ReadableStreamDefaultController<Uint8Array>;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        mine = controller;
        controller.enqueue(encode("hello", this.#hello(after), this.traffic.seq));
        this.#streams.add(controller);
      },
      cancel: () => void this.#streams.delete(mine),
    });
    return new Response(stream, {
      headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
    });
  }

  #hello(after: number): Hello {
    const newest = this.#rows.filter(({ seq }) => seq > after);
    const missed = after > 0 && newest.length > 0 ? newest[0].seq - after - 1 : 0;
    return {
      now: Date.now(),
      version: "0.1.0",
      instance: this.instance,
      mode: this.state.mode,
      since: Date.now() - 86_400_000 * 2,
      totals: this.#totals,
      rows: newest,
      missed,
    };
  }

  // deno-lint-ignore no-explicit-any
  #route(path: string, query: URLSearchParams, body: any): unknown {
    const { state } = this;
    if (body && isChange(path)) return makeChange(state, path, body);
    switch (path) {
      case "/overview":
        return state.overview();
      case "/series":
        return fakeSeries(query.get("span") as Span, Date.now(), this.#packets);
      case "/summary":
        return fakeSummary(state);
      case "/threats":
        return state.threats();
      case "/threats/update":
        return this.#update();
      case "/bans":
        return state.bansAnswer(body.addresses ? ban(state, body) : state.bans);
      case "/bans/remove":
        return this.#unban(body.addresses);
      case "/logs":
        return { rows: this.#logs(query) };
      case "/explain":
        return explain(state, body);
      case "/change/confirm":
        return endTrial(state, true);
      case "/change/revert":
        return endTrial(state, false);
      case "/lists/blacklist":
      case "/lists/whitelist":
        return listHead(state.lists[path.slice("/lists/".length) as "blacklist"], query);
      default:
        throw new Refusal(404, { error: `no ${path}`, code: "invalid" });
    }
  }

  #update(): unknown {
    this.state.updating = true;
    setTimeout(() => {
      this.state.updating = false;
      this.send("changed", { what: ["feeds"], notice: "threat feeds: 25,130 entries in force" });
    }, 800);
    return this.state.threats();
  }

  #unban(addresses: readonly string[]): unknown {
    const gone = this.state.bans.filter(({ address }) => addresses.includes(address));
    this.state.bans = this.state.bans.filter((one) => !gone.includes(one));
    return this.state.bansAnswer(gone, gone.length > 0 ? undefined : addresses);
  }

  #logs(query: URLSearchParams): LogRow[] {
    const ip = query.get("ip") ?? "";
    if (ip && !/^[0-9a-f.:/]+$/i.test(ip)) {
      throw new Refusal(422, { error: `"${ip}" is not an address or range`, code: "invalid" });
    }
    return this.#rows.filter(({ src_ip, action, reason_code }) =>
      (!ip || src_ip === ip) && (action === "allowed") === (query.get("type") === "allowed") &&
      (!query.get("reason") || reason_code === query.get("reason"))
    ).map(({ seq, at, ...row }) => ({
      ...row,
      id: seq,
      timestamp: new Date(at).toISOString(),
      packet_hash: "0123456789abcdef",
      length: 60,
      tcp_flags: 2,
    }));
  }
}

function encode(event: string, data: unknown, id: number): Uint8Array<ArrayBuffer> {
  const text = `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
  return new TextEncoder().encode(text);
}

/** The head of a list, as a search leaves it. */
export function listHead(entries: readonly string[], query: URLSearchParams): ListHead {
  const search = query.get("search") ?? "", offset = Number(query.get("offset") ?? 0);
  const found = entries.filter((entry) => entry.includes(search));
  return { total: found.length, offset, entries: found.slice(offset, offset + 200) };
}

/** Text that tries everything. */
export const HOSTILE_TEXT =
  `<img src=x onerror="alert(1)"><script>alert(2)</script>\u202Egnp.exe\u0007\u200B"'&lt;`;

if (import.meta.main) {
  const { bundlePage } = await import("../../build/page.ts");
  const page = await Deno.makeTempDir({ prefix: "pfw-page-" });
  await bundlePage(page);
  const has = (flag: string) => Deno.args.includes(flag);
  const fake = new FakeApi(page, {
    isMonitor: has("--monitor"),
    isBusy: has("--busy"),
    packets: has("--busy") ? 48_000 : PACKETS,
    hostileText: has("--hostile") ? HOSTILE_TEXT : undefined,
    hasTrouble: has("--trouble"),
    wouldCut: has("--cut"),
    isEmpty: has("--empty"),
  }, 8_787);
  console.log(`the page: ${fake.address}`);
}
