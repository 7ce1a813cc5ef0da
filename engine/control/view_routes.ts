/** The routes by which others than the command line look: what stands in file and database. */
import type { Hono } from "hono";
import { ExitCode, PfwError } from "../errors.ts";
import { parsePrefix } from "../net/address.ts";
import type { LogFilter, LogRow } from "../observe/log_query.ts";
import type { StoredStats } from "../observe/stats_query.ts";
import type { ListName } from "../policy/edit_lists.ts";
import { quote } from "../policy/field_problems.ts";
import { parseDuration } from "../policy/units.ts";
import { REASONS } from "../policy/verdict.ts";
import type { ListHead, Overview } from "./overview.ts";
import { AbsentPart, respond } from "./respond.ts";

/** Who knows. */
export interface ViewControl {
  overview(): Promise<Overview>;
  summary(): StoredStats | undefined;
  /** Oldest first. */
  logs(filter: LogFilter, limit: number): Promise<readonly LogRow[]>;
  list(name: ListName, search: string, offset: number): Promise<ListHead>;
}

/** What these routes ask of the running firewall. */
export interface Viewed {
  readonly views?: ViewControl;
}

/** Rows in one answer. */
const MOST_ROWS = 1_000;
/** Characters that are searched for at most; the longest address has fewer. */
const LONGEST_SEARCH = 64;

/** Adds them. */
export function addViewRoutes(app: Hono, pfw: Viewed): void {
  const views = () => {
    if (pfw.views) return pfw.views;
    throw new AbsentPart("the running pfw has nothing to show", "it was started without that");
  };
  app.get("/overview", (context) => respond(context, () => views().overview()));
  app.get("/summary", (context) =>
    respond(context, () => {
      const summary = views().summary();
      if (summary) return summary;
      throw new AbsentPart("there are no figures", "the database has not been begun");
    }));
  app.get("/logs", (context) =>
    respond(context, async () => {
      const query = new Query(context.req.query());
      return { rows: await views().logs(filterOf(query), query.whole("limit", 1, MOST_ROWS, 200)) };
    }));
  app.get("/lists/:name{blacklist|whitelist}", (context) =>
    respond(context, () => {
      const query = new Query(context.req.query());
      const search = (query.text("search") ?? "").slice(0, LONGEST_SEARCH);
      const name = context.req.param("name") as ListName;
      return views().list(name, search, query.whole("offset", 0, 2 ** 31, 0));
    }));
}

function filterOf(query: Query): LogFilter {
  const seconds = query.parsed("since", parseDuration, "a duration like 10m, 1h or 7d");
  return {
    table: query.oneOf("type", ["blocked", "allowed"]) ?? "blocked",
    since: seconds === undefined ? undefined : Date.now() - seconds * 1000,
    address: query.parsed("ip", parsePrefix, "an IP address or CIDR range"),
    port: query.text("port") === undefined ? undefined : query.whole("port", 0, 65_535, 0),
    reason: query.oneOf("reason", REASONS),
  };
}

/** The part of an address behind the question mark, held to what is asked for. */
class Query {
  constructor(private readonly values: Readonly<Record<string, string>>) {}

  text(name: string): string | undefined {
    return this.values[name] || undefined;
  }

  whole(name: string, least: number, most: number, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw this.#wrong(name, `a whole number from ${least} to ${most}`);
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    return this.parsed(
      name,
      (text) => choices.find((choice) => choice === text),
      `one of ${choices.join(", ")}`,
    );
  }

  parsed<T>(name: string, parse: (text: string) => T | undefined, what: string): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) throw this.#wrong(name, what);
    return value;
  }

  #wrong(name: string, what: string): PfwError {
    const why = `${name}=${quote(this.text(name))} is not ${what}`;
    return new PfwError("wrong request", why, "", ExitCode.usage);
  }
}
