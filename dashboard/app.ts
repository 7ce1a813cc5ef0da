/** The dashboard's routes: the page, its API behind the door, live events and metrics. */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { boundedBody } from "../engine/control/bounded_body.ts";
import { type Controlled, controlRoutes } from "../engine/control/server.ts";
import type { Access } from "./access/access.ts";
import { refuse } from "./access/access.ts";
import { SPANS } from "./contract.ts";
import type { LiveFeed } from "./live/live_feed.ts";
import type { PageFile } from "./page_files.ts";

/** What the routes are made of. */
export interface AppParts {
  readonly access: Access;
  readonly control: Controlled;
  readonly feed: LiveFeed;
  readonly files: ReadonlyMap<string, PageFile>;
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  readonly isSecure: boolean;
}

/**
 * Nothing but our own files is loaded, nothing inline runs, and no text becomes markup; nobody
 * frames the page. (Content Security Policy Level 3; Trusted Types.)
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** What stays the command line's: a stolen session must not end the firewall, the rest is for scripts. */
const NOT_HERE = ["stop", "reload", "lifelines", "status", "stats", "rules", "edit"];

/** Puts them together. */
export function dashboardApp(parts: AppParts): Hono {
  const { access, control, files, metrics } = parts;
  const app = new Hono();
  app.use(secured(parts.isSecure));
  app.use(access.everybody);
  for (const [path, file] of files) app.get(path, (context) => sendFile(context, file));
  app.use(boundedBody);
  app.route("/api", access.routes());
  app.use("/api/*", access.signedIn);
  app.use("/metrics", access.signedIn);
  app.get("/metrics", async (context) => {
    const { type, text } = await metrics();
    return context.body(text, 200, { "Content-Type": type });
  });
  for (const name of NOT_HERE) {
    app.all(
      `/api/${name}`,
      (context) => refuse(context, 404, "absent", "only the command line does that"),
    );
  }
  addLiveRoutes(app, parts.feed);
  app.route("/api", controlRoutes(control));
  app.notFound((context) => refuse(context, 404, "absent", "there is nothing here"));
  return app;
}

function secured(isSecure: boolean): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { headers } = context.res;
    headers.set("Content-Security-Policy", POLICY);
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("Cross-Origin-Opener-Policy", "same-origin");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
    if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
    if (isSecure) headers.set("Strict-Transport-Security", "max-age=31536000");
  };
}

function sendFile(context: Context, { bytes, type, tag }: PageFile): Response {
  const headers = { "Content-Type": type, "Cache-Control": "no-cache", ETag: tag };
  if (context.req.header("if-none-match") === tag) return context.body(null, 304, headers);
  return context.body(bytes, 200, headers);
}

function addLiveRoutes(app: Hono, feed: LiveFeed): void {
  app.get("/api/events", (context) => {
    const text = context.req.header("last-event-id") ?? context.req.query("after") ?? "";
    const after = /^\d{1,15}$/.test(text) ? Number(text) : 0;
    // `HEAD` comes here too, and nobody would ever read, or end, the stream that it opens.
    if (context.req.method !== "GET") return refuse(context, 404, "absent", "ask with GET");
    const body = feed.stream.open(after);
    if (!body) return refuse(context, 503, "too_many", "too many pages are open; close one");
    return context.body(body, 200, { "Content-Type": "text/event-stream" });
  });
  app.get("/api/series", (context) => {
    const span = SPANS.find((one) => one === (context.req.query("span") ?? "5m"));
    if (span) return context.json(feed.series(span));
    return refuse(context, 422, "invalid", `span is one of ${SPANS.join(", ")}`);
  });
}
