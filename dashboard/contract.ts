/**
 * What the page and the running firewall say to each other, as types; docs/openapi.json describes
 * the same for others. Every path stands under `/api`, every body is JSON, every time is
 * milliseconds since 1970 unless it says otherwise.
 */
import type { BanView } from "../engine/bans/ban.ts";
import type { ChangeAnswer, ChangeManner, PendingView } from "../engine/control/config_edits.ts";
import type { ExplainAnswer, ExplainRequest } from "../engine/control/explain.ts";
import type { BansAnswer, ThreatsAnswer } from "../engine/control/intel_control.ts";
import type { ConfigView, ListHead, Overview, RuleView } from "../engine/control/overview.ts";
import type { ErrorAnswer, FieldProblem } from "../engine/control/respond.ts";
import type { Mode, RunningStatus } from "../engine/control/status.ts";
import type { LogRow } from "../engine/observe/log_query.ts";
import type { StoredStats } from "../engine/observe/stats_query.ts";
import type { ConfigRule, RuleDraft } from "../engine/policy/schema.ts";
import type { ReasonCode } from "../engine/policy/verdict.ts";

export type {
  BansAnswer,
  BanView,
  ChangeAnswer,
  ChangeManner,
  ConfigRule,
  ConfigView,
  ErrorAnswer,
  ExplainAnswer,
  ExplainRequest,
  FieldProblem,
  ListHead,
  LogRow,
  Mode,
  Overview,
  PendingView,
  ReasonCode,
  RuleDraft,
  RuleView,
  RunningStatus,
  StoredStats,
  ThreatsAnswer,
};

/* ---- Signing in -------------------------------------------------------------------------- */

/** `POST /login`; answers 204 with an HttpOnly cookie, 401 for a wrong token, 429 when too often. */
export interface LoginRequest {
  /** From the address that `pfw start --dashboard` prints: `/#token=…`. */
  readonly token: string;
}

/* `POST /logout`: 204, and the browser forgets the cookie. */

/* ---- Live: `GET /events`, server-sent events --------------------------------------------- */

/** Packets in a span of time. */
export interface Counts {
  readonly allowed: number;
  /** Blocked by reason; in monitor mode what would have been. Reasons that did not occur are absent. */
  readonly blocked: Readonly<Partial<Record<ReasonCode, number>>>;
}

/** A row of the live log: several equal packets may share one, see `hits`. */
export type LiveRow =
  & Pick<
    LogRow,
    | "src_ip"
    | "dst_ip"
    | "src_port"
    | "dst_port"
    | "protocol"
    | "reason"
    | "reason_code"
    | "rule_id"
    | "direction"
    | "interface"
    | "hits"
    | "action"
  >
  & {
    /** Grows by one with each row since pfw started. */
    readonly seq: number;
    readonly at: number;
  };

/** The spans that a chart shows. */
export const SPANS = ["5m", "1h", "24h"] as const;

/** One of `SPANS`. */
export type Span = typeof SPANS[number];

/** A chart's figures: `GET /series?span=5m`. Columns have one entry for each point, oldest first. */
export interface Series {
  readonly span: Span;
  /** Seconds that a point stands for: 1, 10 or 300. */
  readonly step: number;
  /** When each point begins; the last one is not over yet. */
  readonly at: readonly number[];
  readonly allowed: readonly number[];
  readonly blocked: Readonly<Partial<Record<ReasonCode, readonly number[]>>>;
}

/** Event `hello`: the first after each connection; all that a page needs to begin or catch up. */
export interface Hello {
  readonly now: number;
  readonly version: string;
  /** Changes with each start of pfw: a page that sees another one loads everything anew. */
  readonly instance: string;
  readonly mode: Mode;
  /** When pfw started. */
  readonly since: number;
  readonly totals: LiveTotals;
  /** The newest rows after `Last-Event-ID`, or the newest at all; oldest first, at most 200. */
  readonly rows: readonly LiveRow[];
  /** Rows between what the page had and the first of `rows`. */
  readonly missed: number;
}

/** Sums since pfw started. */
export interface LiveTotals {
  readonly packets: number;
  readonly allowed: number;
  readonly blocked: number;
  readonly wouldBlock: number;
  /** Everything that got lost; see losses in the status. */
  readonly lost: number;
}

/** Event `tick`, four a second at most; its id is the newest `seq`. */
export interface Tick {
  readonly now: number;
  /** Seconds since the tick before. */
  readonly seconds: number;
  readonly counts: Counts;
  readonly totals: LiveTotals;
  /** At most 25 a tick. */
  readonly rows: readonly LiveRow[];
  /** Packets in this tick that no row of it shows. */
  readonly unshown: number;
}

/** Event `changed`: what to ask for again. */
export interface Changed {
  readonly what: readonly ("config" | "bans" | "feeds" | "mode" | "pending")[];
  /** For people; absent where there is nothing to say. Several that came at once are one text. */
  readonly notice?: string;
}

/** Event `bye`: pfw is stopping. `kept`: the kernel goes on enforcing. */
export interface Bye {
  readonly kept: boolean;
}

/* ---- Asking ------------------------------------------------------------------------------- */

/* `GET /overview`: Overview, everything that changes now and then. `GET /lists/NAME?search=TEXT&
   offset=N`: ListHead, 200 entries at a time. */

/** `GET /logs?type=blocked|allowed&limit=&since=1h&ip=CIDR&port=&reason=`: rows of the database. */
export interface LogsAnswer {
  /** Oldest first. */
  readonly rows: readonly LogRow[];
}

/* `GET /bans`: BansAnswer. `GET /threats`: ThreatsAnswer. `GET /summary`: StoredStats (totals,
   top blocked addresses, hours). `POST /explain`: ExplainRequest to ExplainAnswer. */

/* ---- Changing ----------------------------------------------------------------------------- */

/** Which rule is meant: both must fit, or the answer is 409 with `code: "stale"`. */
export interface RuleReference {
  readonly number: number;
  readonly id: string;
}

/** `POST /rules/add`. */
export type AddRule = ChangeManner & { readonly rule: RuleDraft; readonly position?: number };
/** `POST /rules/replace`: other words for a rule, which stays on or off unless `enabled` is given. */
export type ReplaceRule = ChangeManner & RuleReference & { readonly rule: RuleDraft };
/** `POST /rules/remove`. */
export type ChangeRule = ChangeManner & RuleReference;
/** `POST /rules/toggle`; without `enabled` it is switched to the other of the two. */
export type ToggleRule = ChangeRule & { readonly enabled?: boolean };
/** `POST /rules/move`. */
export type MoveRule = ChangeManner & RuleReference & { readonly to: number };
/** `POST /lists/blacklist`, `POST /lists/whitelist`; at most 1,000 addresses at once. */
export type ChangeList = ChangeManner & {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
};
/** `POST /icmp`: blocks all incoming ICMP by a rule of its own in the first place, or lets it be. */
export type ChangeIcmp = ChangeManner & { readonly blocked: boolean };
/** `POST /default-policy`. */
export type ChangeDefault = ChangeManner & { readonly action: "allow" | "block" };
/** `POST /feeds`: switches a configured feed. */
export type ChangeFeed = ChangeManner & { readonly name: string; readonly enabled: boolean };
/** `POST /mode`. */
export interface ChangeMode {
  readonly mode: Mode;
  readonly force?: boolean;
}
/* `POST /bans` {addresses, seconds, reason, force?}, `POST /bans/remove` {addresses}: BansAnswer; a
   ban of what this machine or its operator depends on is a 409 `would_cut`.
   `POST /threats/update` {names?}: ThreatsAnswer. `POST /change/confirm` and `/change/revert`:
   keeps or takes back the change that waits. */

/* Every change answers with ChangeAnswer, once the kernel has it; what is not 2xx is an ErrorAnswer:
   `would_cut` (409) names what is cut, and by what: ask the person, then send it again with `force`,
   and better with `confirm`. `stale` (409): somebody else changed the rules; load them again.
   `unauthorized` (401). `too_many` (429): see `Retry-After`. */
