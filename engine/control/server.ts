/** The control socket: HTTP on a Unix socket that only its owner may open. */
import { Hono, type HonoRequest } from "hono";
import type { OnExit } from "../policy/settings.ts";
import type { Reloaded, ReloadRequest, RuleHits } from "./client.ts";
import { errorText } from "../errors.ts";
import { boundedBody } from "./bounded_body.ts";
import { changeAnswer } from "./config_edits.ts";
import { isThere } from "./connect.ts";
import { changeModeRequest } from "./edit_requests.ts";
import { addEditRoutes, type Edited } from "./edit_routes.ts";
import { addEditRoute, type Editing } from "./edit_route.ts";
import { addExplainRoute, type Explaining } from "./explain_route.ts";
import { addIntelRoutes, type IntelControlled } from "./intel_routes.ts";
import { AbsentPart, readBody, refusal, respond } from "./respond.ts";
import type { Mode, RunningLifelines, RunningStats, RunningStatus } from "./status.ts";
import { removeSocket, serveUnix } from "./unix_server.ts";
import { addViewRoutes, type Viewed } from "./view_routes.ts";

/** What the socket asks of the running firewall. */
export interface Controlled extends IntelControlled, Explaining, Edited, Editing, Viewed {
  /** Path of the configuration. */
  readonly config: string;
  status(): Promise<RunningStatus>;
  stats(): RunningStats;
  ruleHits(): Promise<RuleHits[]>;
  /** Throws when the running policy stays. */
  reload(request?: ReloadRequest): Promise<Reloaded>;
  /** What the network that is enforced depends on. */
  lifelines(): RunningLifelines;
  /** Begins or ends enforcing; false where it is so already. */
  setMode?(mode: Mode, force?: boolean): Promise<boolean>;
  /** Begins to end; returns what becomes of the rules in the kernel. */
  stop(): OnExit;
}

/** The routes; the dashboard serves the same ones behind its own door. */
export function controlRoutes(pfw: Controlled): Hono {
  const app = new Hono();
  app.use(boundedBody);
  app.get("/status", async (context) => context.json(await pfw.status()));
  app.get("/stats", (context) => context.json(pfw.stats()));
  app.get("/rules", async (context) => context.json(await pfw.ruleHits()));
  app.get("/lifelines", (context) => context.json(pfw.lifelines()));
  app.post("/reload", async (context) => {
    try {
      const request = await readReload(context.req);
      const otherConfig = await differentConfig(request.config, pfw.config);
      if (otherConfig !== undefined) return context.json({ otherConfig }, 409);
      return context.json({ ...await pfw.reload(request), mode: pfw.stats().mode });
    } catch (error) {
      return context.json(refusal(error).answer, 422);
    }
  });
  addIntelRoutes(app, pfw);
  addExplainRoute(app, pfw);
  addEditRoutes(app, pfw);
  addViewRoutes(app, pfw);
  addModeRoute(app, pfw);
  addEditRoute(app, pfw);
  app.post("/stop", (context) => {
    return context.json({ stopping: true, onExit: pfw.stop() });
  });
  app.onError((error, context) => context.json(refusal(error).answer, 500));
  return app;
}

function addModeRoute(app: Hono, pfw: Controlled): void {
  app.post("/mode", (context) =>
    respond(context, async () => {
      if (!pfw.setMode) throw new AbsentPart("the running pfw cannot change its mode", "");
      const started = performance.now();
      const { mode, force } = await readBody(context, changeModeRequest);
      const changed = await pfw.setMode(mode, force);
      const done = mode === "enforce" ? "enforcing" : "only monitoring";
      return { ...changeAnswer(done, mode, performance.now() - started), changed };
    }));
}

async function readReload(request: HonoRequest): Promise<ReloadRequest> {
  const text = await request.text();
  const { config, isJudged, command, user } = (text === "" ? {} : JSON.parse(text) ?? {}) as Record<
    keyof ReloadRequest,
    unknown
  >;
  const string = (value: unknown) => typeof value === "string" ? value : undefined;
  return {
    config: string(config),
    isJudged: isJudged === true,
    command: string(command),
    user: string(user),
  };
}

/** Our configuration, where the request speaks of another one: that change is none of ours. */
async function differentConfig(theirs: string | undefined, ours: string) {
  if (theirs === undefined) return undefined;
  const real = await Deno.realPath(ours);
  return real === theirs ? undefined : real;
}

/** Serves the routes until it is shut down. */
export class ControlServer {
  readonly #path: string;
  readonly #fetch: Hono["fetch"];
  #server: Deno.HttpServer<Deno.UnixAddr>;
  /** It is closed, or about to be. */
  #isClosed = false;
  #isRestoring = false;

  /** @param path of the socket; a leftover of a crashed run is replaced */
  constructor(path: string, pfw: Controlled) {
    this.#path = path;
    this.#fetch = controlRoutes(pfw).fetch;
    this.#server = serveUnix(path, this.#fetch);
  }

  /** Called every second: makes the socket anew where somebody removed it, and says so. */
  restore(log: { warn(text: string): void }): void {
    if (this.#isClosed || this.#isRestoring || isThere(this.#path)) return;
    this.#isRestoring = true;
    this.#serveAnew().then(
      () => {
        this.#isRestoring = false;
        log.warn(`${this.#path} was removed: made anew`);
      },
      // Said once, and not tried again: whoever removed the directory as well has to start pfw anew.
      (error) => log.warn(`${this.#path} was removed, and stays so: ${errorText(error)}`),
    );
  }

  async #serveAnew(): Promise<void> {
    // First: its end removes whatever has its name.
    await this.#shutDown();
    if (!this.#isClosed) this.#server = serveUnix(this.#path, this.#fetch);
  }

  async #shutDown(): Promise<void> {
    await Promise.race([this.#server.shutdown(), new Promise((done) => setTimeout(done, 1000))]);
  }

  /** Answers what is under way, then closes and removes the socket. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#shutDown();
    removeSocket(this.#path);
  }
}
