/** A dashboard on a port of its own, and requests to it byte by byte. */
import { Dashboard, openDoor } from "../../dashboard/dashboard.ts";
import type { GateLimits } from "../../dashboard/gate.ts";
import type { PageFile } from "../../dashboard/page_files.ts";
import { loadToken } from "../../dashboard/access/token.ts";
import type { DashboardSettings } from "../../engine/policy/settings.ts";
import { Firewall } from "./firewall.ts";

/** A page of one line, where the real one does not matter. */
const PAGE: ReadonlyMap<string, PageFile> = new Map([[
  "/",
  { bytes: new TextEncoder().encode("<!doctype html>"), type: "text/html", tag: '"1"' },
]]);

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** How to ask. */
export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Where, and with what limits. */
export interface OpenOptions {
  readonly limits?: Partial<GateLimits>;
  readonly settings?: Partial<DashboardSettings>;
}

/** A dashboard that shows a firewall without a kernel. */
export class OpenDashboard implements AsyncDisposable {
  private constructor(
    readonly firewall: Firewall,
    readonly dashboard: Dashboard,
    readonly port: number,
    readonly token: string,
  ) {}

  static async open(options: OpenOptions = {}): Promise<OpenDashboard> {
    const firewall = new Firewall();
    const port = freePort();
    const settings: DashboardSettings = {
      enabled: true,
      listen: `127.0.0.1:${port}`,
      certificate: "",
      key: "",
      hosts: [],
      ...options.settings,
    };
    const { paths } = firewall;
    const door = await openDoor(settings);
    const dashboard = await Dashboard.start(firewall, door, {
      paths,
      settings,
      version: "0.0.0",
      files: PAGE,
      limits: options.limits,
    });
    return new OpenDashboard(firewall, dashboard, port, await loadToken(paths.dataDir));
  }

  /** A connection to it, to write anything to. */
  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  /** Asks on a connection of its own, with exactly these headers beside `Host`. */
  async ask(path: string, asked: Asked = {}): Promise<Answer> {
    const { method = "GET", headers = {}, body } = asked;
    const all = {
      host: `127.0.0.1:${this.port}`,
      connection: "close",
      ...(body === undefined
        ? {}
        : { "content-length": String(new TextEncoder().encode(body).length) }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    const head = [`${method} ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n");
    using conn = await this.connect();
    await conn.write(new TextEncoder().encode(head + (body ?? "")));
    return parseAnswer(await readAll(conn));
  }

  /** Asks as somebody who has the token. */
  askSignedIn(path: string, body?: unknown): Promise<Answer> {
    return this.ask(path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${this.token}` },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /** The cookie that the token is exchanged for. */
  async signIn(): Promise<string> {
    const body = JSON.stringify({ token: this.token });
    const { headers } = await this.ask("/api/login", { method: "POST", body });
    return (headers.get("set-cookie") ?? "").split(";")[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dashboard.close(false);
    this.firewall[Symbol.dispose]();
  }
}

/** A port that nobody listens on just now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** What comes until the other side closes; nothing more than 10 s. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  let text = "";
  const decoder = new TextDecoder(), buffer = new Uint8Array(65_536);
  const timer = setTimeout(() => conn.close(), 10_000);
  try {
    for (;;) {
      const length = await conn.read(buffer);
      if (length === null) return text;
      text += decoder.decode(buffer.subarray(0, length), { stream: true });
    }
  } catch {
    // Closed by them, hard, or by us.
    return text;
  } finally {
    clearTimeout(timer);
  }
}

function parseAnswer(text: string): Answer {
  const [head, ...rest] = text.split("\r\n\r\n");
  const [first, ...lines] = head.split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    const at = line.indexOf(":");
    if (at > 0) headers.append(line.slice(0, at), line.slice(at + 1).trim());
  }
  return { status: Number(first.split(" ")[1] ?? 0), headers, text: rest.join("\r\n\r\n") };
}
