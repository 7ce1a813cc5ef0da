/** The web page of a running firewall: a door of its own, beside the control socket. */
import { join } from "node:path";
import { removeSocket, serveUnix } from "../engine/control/unix_server.ts";
import { errorText, ExitCode, PfwError } from "../engine/errors.ts";
import type { SshSession } from "../engine/net/ssh_sessions.ts";
import { parseSingle } from "../engine/net/address.ts";
import type { Paths } from "../engine/paths.ts";
import { listenProblem, parseListenAddress, urlOf } from "../engine/policy/listen_address.ts";
import type { DashboardSettings } from "../engine/policy/settings.ts";
import { Access } from "./access/access.ts";
import { OwnOrigin } from "./access/origin.ts";
import { SESSION_COOKIE, Sessions } from "./access/session.ts";
import { isSame, loadToken } from "./access/token.ts";
import { dashboardApp } from "./app.ts";
import { Gate, type GateLimits } from "./gate.ts";
import { LiveFeed } from "./live/live_feed.ts";
import { metricsOf } from "./metrics_of.ts";
import { loadPageFiles, type PageFile } from "./page_files.ts";
import type { Shown } from "./shown.ts";

/** Where and how it listens. */
export interface DashboardOptions {
  readonly paths: Paths;
  readonly settings: DashboardSettings;
  readonly version: string;
  /** The page; the one that was built unless given. */
  readonly files?: ReadonlyMap<string, PageFile>;
  readonly limits?: Partial<GateLimits>;
}

/** A listener that is open, before anything answers. */
export type OpenDoor = Deno.Listener<Deno.TcpConn | Deno.TlsConn>;

/** Milliseconds in which answers that are under way are waited for at the end. */
const LAST_ANSWERS = 2_000;

/** Serves the page until it is closed. */
export class Dashboard {
  readonly #gate: Gate;
  readonly #access: Access;
  readonly #server: Deno.HttpServer<Deno.UnixAddr>;
  readonly #feed: LiveFeed;
  readonly #backend: string;
  readonly #unlisten: () => void;
  readonly #shown: Shown;
  /** Without the token. */
  readonly url: string;
  /** Opens the page and signs in. */
  readonly signInUrl: string;

  private constructor(parts: {
    gate: Gate;
    access: Access;
    server: Deno.HttpServer<Deno.UnixAddr>;
    feed: LiveFeed;
    backend: string;
    unlisten: () => void;
    shown: Shown;
    url: string;
    token: string;
  }) {
    this.#gate = parts.gate;
    this.#access = parts.access;
    this.#server = parts.server;
    this.#feed = parts.feed;
    this.#backend = parts.backend;
    this.#unlisten = parts.unlisten;
    this.#shown = parts.shown;
    this.url = parts.url;
    this.signInUrl = `${parts.url}#token=${parts.token}`;
    const { viewers } = parts.shown.control;
    viewers.url = parts.url;
    viewers.now = () => viewersOf(parts.gate);
  }

  /**
   * Begins to answer.
   *
   * @param door from `openDoor`; closed where this throws
   * @throws PfwError
   */
  static async start(shown: Shown, door: OpenDoor, options: DashboardOptions) {
    const { paths, settings, version, limits } = options;
    using undo = new DisposableStack();
    undo.defer(() => door.close());
    const [token, files] = await Promise.all([
      loadToken(paths.dataDir),
      options.files ?? loadPageFiles(),
    ]);
    const isSecure = settings.certificate !== "";
    const address = addressOf(settings);
    const sessions = new Sessions(token, isSecure);
    const origin = new OwnOrigin(isSecure ? "https" : "http", address.port, settings.hosts);
    const { control, view } = shown;
    const feed = new LiveFeed({
      version,
      since: control.since,
      view,
      interfaceName: (index) => control.interfaceName(index),
    });
    undo.defer(() => feed.end({ kept: false }));
    const stored = control.views.summary();
    if (stored) feed.recall(stored);
    const access = new Access({ token, sessions, origin });
    const app = dashboardApp({
      access,
      control,
      feed,
      files,
      metrics: metricsOf(shown, () => feed.stream.size),
      isSecure,
    });
    const backend = join(paths.runDir, "dashboard.sock");
    const server = serveUnix(backend, app.fetch);
    const unlisten = listenTo(shown, feed);
    const isKnown = (head: string) => hasSession(head, sessions) || hasToken(head, token);
    const gate = new Gate({ listener: door, backend, isKnown, limits });
    const url = urlOf(address, isSecure);
    undo.move();
    return new Dashboard({ gate, access, server, feed, backend, unlisten, shown, url, token });
  }

  /** Connections now, and how many were turned away for want of room. */
  get connections(): { readonly now: number; readonly refused: number } {
    return { now: this.#gate.size, refused: this.#gate.refused };
  }

  /** Pages that are open now. */
  get pages(): number {
    return this.#feed.stream.size;
  }

  /**
   * Says good-bye, and takes no more questions.
   *
   * @param kept whether the kernel goes on enforcing without this process
   */
  async close(kept: boolean): Promise<void> {
    this.#unlisten();
    const { viewers } = this.#shown.control;
    viewers.url = undefined;
    viewers.now = () => [];
    this.#feed.end({ kept });
    // A moment for the good-bye to get through.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await this.#gate.close();
    this.#access.end();
    // Nobody listens to what is still answered; a change that is under way gets to its end.
    await atMost(LAST_ANSWERS, this.#server.shutdown());
    removeSocket(this.#backend);
  }
}

/**
 * Opens the port, so that a start fails before anything else is done where it is taken.
 *
 * @throws PfwError, exit 2 where others could get there without TLS
 */
export async function openDoor(settings: DashboardSettings): Promise<OpenDoor> {
  const { hostname, port, isLocal } = addressOf(settings);
  if (!isLocal) requireTls(settings);
  try {
    if (settings.certificate === "") return Deno.listen({ hostname, port });
    const [cert, key] = await Promise.all(
      [settings.certificate, settings.key].map((path) => Deno.readTextFile(path)),
    );
    return Deno.listenTls({ hostname, port, cert, key, alpnProtocols: ["http/1.1"] });
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse;
    throw new PfwError(
      `cannot open the dashboard on ${settings.listen}`,
      isTaken ? "another program listens there" : errorText(error),
      isTaken
        ? "choose another port with --dashboard HOST:PORT"
        : "see `dashboard` in the configuration",
    );
  }
}

function addressOf({ listen }: DashboardSettings) {
  const address = parseListenAddress(listen);
  if (address) return address;
  const why = listenProblem(listen) ?? listen;
  throw new PfwError("cannot open the dashboard", why, "", ExitCode.usage);
}

function requireTls({ listen, certificate, key }: DashboardSettings): void {
  if (certificate !== "" && key !== "") return;
  throw new PfwError(
    `cannot open the dashboard on ${listen}`,
    "others could get there, and no certificate is configured",
    "set dashboard.certificate and dashboard.key, or listen on 127.0.0.1",
    ExitCode.usage,
  );
}

function listenTo(shown: Shown, feed: LiveFeed): () => void {
  return shown.listen({
    events: () => feed.collect(),
    notice: (text) => feed.notice(text),
    changed: (what) => feed.change(what),
  });
}

/** Looked for in each part of a request that comes in, so it is cheap where there is no cookie. */
function hasSession(head: string, sessions: Sessions): boolean {
  if (!head.includes(SESSION_COOKIE)) return false;
  const lines = head.split("\r\n").filter((line) => /^cookie:/i.test(line));
  return lines.some((line) => sessions.judge(line.slice(line.indexOf(":") + 1)) !== "none");
}

/** A program's way to sign in: its stream of events is to last as a page's does. */
function hasToken(head: string, token: string): boolean {
  const given = /^authorization: *bearer +([\w-]+) *\r?$/im.exec(head)?.[1];
  return given !== undefined && isSame(given, token);
}

/** Those who look from elsewhere, as connections that a change should not cut. */
function viewersOf(gate: Gate): SshSession[] {
  const sessions = new Map<string, SshSession>();
  for (const { peer, local } of gate.known()) {
    const from = parseSingle(peer.hostname), to = parseSingle(local.hostname);
    if (!from || !to) continue;
    sessions.set(peer.hostname, {
      peer: from,
      peerPort: peer.port,
      local: to,
      localPort: local.port,
    });
  }
  return [...sessions.values()];
}

/** Waits for something, but not for long. */
async function atMost(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
