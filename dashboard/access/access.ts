/** Who may ask the dashboard for what: every request comes through here first. */
import type { Context, MiddlewareHandler } from "hono";
import { Hono } from "hono";
import * as z from "zod";
import type { ErrorAnswer, ErrorCode } from "../../engine/control/respond.ts";
import { readBody } from "../../engine/control/respond.ts";
import { ExitCode } from "../../engine/errors.ts";
import type { OwnOrigin } from "./origin.ts";
import { Pace, Penalty } from "./pace.ts";
import type { Sessions } from "./session.ts";
import { isSame } from "./token.ts";

/** Requests of people who have signed in, and of everybody else: at once, and then a second. */
const SIGNED_IN = [600, 100] as const, ANYBODY = [200, 20] as const;

/** What it judges by. */
export interface AccessParts {
  readonly token: string;
  readonly sessions: Sessions;
  readonly origin: OwnOrigin;
}

/** Doorkeeper. */
export class Access {
  readonly #parts: AccessParts;
  readonly #signedIn = new Pace(...SIGNED_IN);
  readonly #anybody = new Pace(...ANYBODY);
  readonly #penalty = new Penalty();

  constructor(parts: AccessParts) {
    this.#parts = parts;
  }

  /** For every request: the right host, from our own page, not too many. */
  readonly everybody: MiddlewareHandler = async (context, next) => {
    const { origin } = this.#parts, { req } = context;
    if (!origin.isOwnHost(req.header("host"))) {
      const why = "this name is not one of the dashboard's; open it by its address, or add the " +
        "name to dashboard.hosts";
      return refuse(context, 421, "failed", why);
    }
    if (!origin.isOwn(req.raw.headers, req.method)) {
      return refuse(context, 403, "failed", "requests of other pages are not answered");
    }
    const isKnown = this.#session(context) !== "none" || this.#hasToken(context);
    if (!(isKnown ? this.#signedIn : this.#anybody).take()) {
      context.header("Retry-After", "2");
      return refuse(context, 429, "too_many", "too many requests; wait a little");
    }
    await next();
  };

  /** For everything but the page itself and signing in. */
  readonly signedIn: MiddlewareHandler = async (context, next) => {
    const session = this.#session(context);
    if (session === "none" && !this.#hasToken(context)) {
      const isAttempt = context.req.header("authorization") !== undefined;
      if (isAttempt && !await this.#penalty.serve()) return tooManyWrong(context);
      return refuse(context, 401, "unauthorized", "sign in with the token of this dashboard");
    }
    await next();
    if (session === "old") context.header("Set-Cookie", this.#parts.sessions.begin());
  };

  /** `POST /login` and `POST /logout`. */
  routes(): Hono {
    const app = new Hono();
    app.post("/login", async (context) => {
      const { token, sessions } = this.#parts;
      const given = await readBody(context, LOGIN).then((body) => body.token, () => "");
      if (!isSame(given, token)) {
        if (!await this.#penalty.serve()) return tooManyWrong(context);
        return refuse(context, 401, "unauthorized", "this is not the token of this dashboard");
      }
      return context.body(null, 204, { "Set-Cookie": sessions.begin() });
    });
    app.post(
      "/logout",
      (context) => context.body(null, 204, { "Set-Cookie": this.#parts.sessions.end() }),
    );
    return app;
  }

  /** Nobody is kept waiting any longer. */
  end(): void {
    this.#penalty.end();
  }

  #session(context: Context): "none" | "valid" | "old" {
    return this.#parts.sessions.judge(context.req.header("cookie"));
  }

  /** Programs send the token itself. */
  #hasToken(context: Context): boolean {
    const [scheme, token] = (context.req.header("authorization") ?? "").split(" ", 2);
    return scheme.toLowerCase() === "bearer" && isSame(token ?? "", this.#parts.token);
  }
}

const LOGIN = z.strictObject({ token: z.string().max(200) });

function tooManyWrong(context: Context): Response {
  context.header("Retry-After", "10");
  return refuse(context, 429, "too_many", "too many wrong tokens; wait a little");
}

/** Answers with an error. */
export function refuse(
  context: Context,
  status: 401 | 403 | 404 | 421 | 422 | 429 | 503,
  code: ErrorCode,
  error: string,
): Response {
  const exitCode = code === "invalid" ? ExitCode.usage : ExitCode.failed;
  return context.json({ error, code, exitCode } satisfies ErrorAnswer, status);
}
