/** Routes of the dashboard that change nothing in the firewall. */
import * as z from "zod";
import { REASONS } from "../../engine/policy/verdict.ts";
import { bans, explainAnswer, listHead, logs, overview, summary, threats } from "./asking.ts";
import { explain, login } from "./changing.ts";
import { events } from "./events.ts";
import { series, span } from "./live.ts";
import type { Operation, Parameter, Reply } from "./operation.ts";
import { JUDGED, REFUSED } from "./replies.ts";

const query = (name: string, schema: z.ZodType): Parameter => ({ name, in: "query", schema });

const common = { door: "dashboard", method: "GET", tag: "Asking" } as const;

const metricsText: Reply = {
  description: "The text format of Prometheus, version 0.0.4; see docs/metrics.md.",
  type: "text/plain; version=0.0.4; charset=utf-8",
  schema: z.string(),
};

/** Signing in, and what is seen as it happens. */
const LIVE_ROUTES: readonly Operation[] = [
  {
    door: "dashboard",
    method: "POST",
    path: "/api/login",
    id: "login",
    tag: "Signing in",
    summary: "Exchanges the token for a session.",
    isOpen: true,
    request: { schema: login, example: { token: "5f0c…" } },
    answers: {
      ...JUDGED,
      "204": {
        description: "Signed in.",
        headers: { "Set-Cookie": z.string().describe("`pfw_session`, HttpOnly.") },
      },
    },
  },
  {
    door: "dashboard",
    method: "POST",
    path: "/api/logout",
    id: "logout",
    tag: "Signing in",
    summary: "Ends the session of this browser.",
    isOpen: true,
    answers: {
      ...REFUSED,
      "204": {
        description: "Signed out.",
        headers: { "Set-Cookie": z.string().describe("`pfw_session`, empty.") },
      },
    },
  },
  {
    ...common,
    path: "/api/events",
    id: "followEvents",
    tag: "Live",
    summary: "What happens, as server-sent events.",
    description: "The first event is `hello`. The data of each event is one JSON document; the " +
      "id is the newest `seq`, and `Last-Event-ID` goes on after it.",
    parameters: [
      query("after", z.int().min(0).describe("As `Last-Event-ID`, for a page that opens anew.")),
      {
        name: "Last-Event-ID",
        in: "header",
        schema: z.int().min(0).describe("The last id that was seen."),
      },
    ],
    answers: {
      ...REFUSED,
      "200": {
        description: "Events, until one side ends.",
        type: "text/event-stream",
        schema: events,
      },
    },
  },
  {
    ...common,
    path: "/api/series",
    id: "readSeries",
    tag: "Live",
    summary: "The figures of a chart.",
    parameters: [query("span", span)],
    answers: {
      ...JUDGED,
      "200": {
        description: "One entry for each point.",
        schema: series,
        example: {
          span: "1h",
          step: 10,
          at: [1_700_000_000_000, 1_700_000_010_000],
          allowed: [120, 80],
          blocked: { threat: [3, 0] },
        },
      },
    },
  },
];

/** Questions. */
const QUESTIONS: readonly Operation[] = [
  {
    ...common,
    path: "/api/overview",
    id: "readOverview",
    summary: "Status, configuration, and a change that waits.",
    answers: { ...REFUSED, "200": { description: "All of it.", schema: overview } },
  },
  {
    ...common,
    path: "/api/lists/:name",
    id: "readList",
    summary: "A part of the blacklist or the whitelist, 200 entries at a time.",
    parameters: [
      { name: "name", in: "path", schema: z.enum(["blacklist", "whitelist"]).describe("Which.") },
      query("search", z.string().describe("Only entries with this text.")),
      query("offset", z.int().min(0).default(0).describe("So many entries are passed over.")),
    ],
    answers: {
      ...JUDGED,
      "200": {
        description: "The part.",
        schema: listHead,
        example: { total: 2, offset: 0, entries: ["203.0.113.7", "2001:db8::/32"] },
      },
    },
  },
  {
    ...common,
    path: "/api/logs",
    id: "readLogs",
    summary: "Rows of the database.",
    parameters: [
      query("type", z.enum(["blocked", "allowed"]).default("blocked").describe("Which rows.")),
      query("limit", z.int().min(1).max(1000).describe("So many, those that were written last.")),
      query("since", z.string().describe("A span such as 30s, 10m, 1h or 30d.")),
      query("ip", z.string().describe("Source or destination: an address or CIDR range.")),
      query("port", z.int().min(0).max(65535).describe("Source or destination port.")),
      query("reason", z.enum(REASONS).describe("Why it was blocked or allowed.")),
    ],
    answers: {
      ...JUDGED,
      "200": { description: "The rows, the newest last.", schema: logs, example: { rows: [] } },
    },
  },
  {
    ...common,
    path: "/api/bans",
    id: "listBans",
    summary: "The bans in force.",
    answers: { ...JUDGED, "200": { description: "The newest last.", schema: bans } },
  },
  {
    ...common,
    path: "/api/threats",
    id: "readThreats",
    summary: "The threat feeds, and whether an update is under way.",
    answers: {
      ...JUDGED,
      "200": { description: "All feeds, also those that are off.", schema: threats },
    },
  },
  {
    ...common,
    path: "/api/summary",
    id: "readSummary",
    summary: "Sums over all that the database remembers.",
    answers: {
      ...REFUSED,
      "200": { description: "Totals, hours, most blocked.", schema: summary },
    },
  },
  {
    ...common,
    method: "POST",
    path: "/api/explain",
    id: "explain",
    summary: "What becomes of a connection, step by step.",
    request: {
      schema: explain,
      example: { address: "203.0.113.7", direction: "in", protocol: "tcp", port: 22 },
    },
    answers: {
      ...JUDGED,
      "200": { description: "The verdict and its way.", schema: explainAnswer },
    },
  },
  {
    ...common,
    path: "/metrics",
    id: "readMetrics",
    summary: "All figures for Prometheus.",
    answers: { ...REFUSED, "200": metricsText },
  },
];

/** All of them. */
export const ASKING_ROUTES: readonly Operation[] = [...LIVE_ROUTES, ...QUESTIONS];
