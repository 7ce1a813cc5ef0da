/** The figures of `pfw stats` as text. */
import type { RunningStats } from "../../engine/control/status.ts";
import type { LossesSnapshot } from "../../engine/observe/losses.ts";
import type { HourCounts, StoredStats } from "../../engine/observe/stats_query.ts";
import type { TotalsSnapshot } from "../../engine/observe/totals.ts";
import type { ReasonCode } from "../../engine/policy/verdict.ts";
import { formatBytes, formatCount, formatSeconds, paint, renderTable } from "../output.ts";
import { terminalWidth } from "../terminal.ts";
import { localTime } from "./logs_table.ts";
import { bar, sparkline } from "./stats_bars.ts";

/** Both sources of figures; each may be missing. */
export interface Stats {
  readonly database: string;
  readonly stored: StoredStats | undefined;
  readonly running: RunningStats | undefined;
}

/** Columns of the longest bar: with numbers of ten digits before it 80 columns hold it. */
const BAR_WIDTH = 24;

/** Short names for tables, where no single rule or feed is meant. */
const REASON_TITLES: Readonly<Record<ReasonCode, string>> = {
  whitelist: "Whitelisted IP",
  blacklist: "Blacklisted IP",
  ban: "Banned",
  threat: "Threat intelligence",
  invalid: "Invalid state",
  rate_limit: "Rate limit exceeded",
  rule: "Rule",
  default_policy: "Default policy",
};

const LOSS_TITLES: Readonly<Record<keyof LossesSnapshot, string>> = {
  ringDrops: "packets not seen: capture too slow",
  interfaceDrops: "packets not seen: dropped by the interface",
  countedOnly: "packets counted, not looked at one by one",
  nflogLost: "drops counted by the kernel, not reported one by one",
  captureRecordsLost: "packets not found in the capture buffer",
  rowsCoalesced: "packets that share a row (counted in its hits)",
  rowsBlurred: "of these, packets in rows without addresses",
  rowsLost: "rows not written, or removed with their file",
  hitsLost: "packets in those rows",
  failedWrites: "failed writes to the database (rows kept)",
  logLinesLost: "lines lost from the application log",
};

/** Everything, section by section, in tables no wider than `width` columns. */
export function statsText(
  stats: Stats,
  now: Date = new Date(),
  width: number = terminalWidth(),
): string {
  const { stored, running } = stats;
  if (!stored && !running) {
    return `nothing counted yet: nothing is stored in ${stats.database}; ` +
      "start pfw with: sudo pfw start\n";
  }
  const sections = [headText(stats, now), totalsText(stored, running?.totals)];
  if (stored) {
    sections.push(reasonsText(stored), topText(stored, width), hoursText(stored.hours, width));
  }
  if (running) sections.push(lossesText(running.losses));
  return sections.join("\n\n") + "\n";
}

/** Whether pfw runs, since when, and since when it counts. */
export function headText({ stored, running }: Stats, now: Date): string {
  const lines = [];
  if (running) {
    const since = new Date(running.since);
    const age = formatSeconds(Math.max(0, now.getTime() - since.getTime()) / 1000);
    const mode = running.mode === "enforce" ? "enforcing" : "only observing";
    lines.push(`pfw is running, ${mode}, since ${shortTime(since)} (${age})`);
  } else {
    lines.push("pfw is not running; these are the figures of its past runs");
  }
  if (stored) lines.push(`counted since ${shortTime(new Date(stored.since))}`);
  return lines.join("\n");
}

function totalsText(
  stored: StoredStats | undefined,
  running: TotalsSnapshot | undefined,
): string {
  const none = { packets: 0, bytes: 0 };
  const rows = [
    ["allowed", stored?.allowed ?? none, running?.allowed ?? 0],
    ["blocked", stored?.blocked ?? none, running?.blocked ?? 0],
    ["would block", stored?.wouldBlock ?? none, running?.wouldBlock ?? 0],
    ["not decoded", stored?.undecodable ?? none, running?.undecodable ?? 0],
  ] as const;
  // What cannot happen in this mode, or never happened, need not be read.
  const shown = rows.filter(([, { packets }, now], at) => at < 2 || packets + now > 0);
  return section(
    "Packets",
    renderTable(
      [
        { title: "" },
        { title: "in all", align: "right" },
        { title: "bytes", align: "right" },
        ...(running ? [{ title: "since start", align: "right" as const }] : []),
      ],
      shown.map(([name, { packets, bytes }, now]) => [
        name,
        formatCount(packets),
        formatBytes(bytes),
        ...(running ? [formatCount(now)] : []),
      ]),
    ),
  );
}

/** What was blocked, by reason. */
export function reasonsText({ byReason }: StoredStats): string {
  const rows = Object.entries(byReason)
    .map(([code, counts]) => ({ code: code as ReasonCode, ...counts }))
    .filter(({ blocked, wouldBlock }) => blocked + wouldBlock > 0)
    .sort((a, b) => b.blocked + b.wouldBlock - a.blocked - a.wouldBlock);
  if (rows.length === 0) return section("Blocked by reason", "nothing was blocked yet");
  const hasWouldBlock = rows.some(({ wouldBlock }) => wouldBlock > 0);
  return section(
    "Blocked by reason",
    renderTable(
      [{ title: "Reason" }, ...verdictColumns(hasWouldBlock)],
      rows.map((row) => [REASON_TITLES[row.code] ?? row.code, ...verdictCells(row, hasWouldBlock)]),
    ),
  );
}

/** The addresses that most was blocked of. */
export function topText({ topBlocked, otherBlocked }: StoredStats, width: number): string {
  if (topBlocked.length === 0) return section("Top blocked addresses", "none yet");
  const hasWouldBlock = topBlocked.some(({ wouldBlock }) => wouldBlock > 0);
  const table = renderTable(
    [
      { title: "Address" },
      ...verdictColumns(hasWouldBlock),
      { title: "Last reason", shrinkTo: 8 },
      { title: "Last seen" },
    ],
    topBlocked.map((row) => [
      row.address,
      ...verdictCells(row, hasWouldBlock),
      REASON_TITLES[row.reasonCode] ?? row.reasonCode,
      shortTime(new Date(row.lastSeen)),
    ]),
    width,
  );
  const others = otherBlocked > 0
    ? `\n${formatCount(otherBlocked)} more from addresses too many to tell apart`
    : "";
  return section("Top blocked addresses", table + others);
}

function hoursText(hours: readonly HourCounts[], width: number): string {
  const blockedOf = (hour: HourCounts) => hour.blocked + hour.wouldBlock;
  const busy = hours.filter((hour) => hour.allowed + blockedOf(hour) > 0);
  if (busy.length === 0) return section("Last 24 hours", "no packets");
  const hasWouldBlock = busy.some(({ wouldBlock }) => wouldBlock > 0);
  const most = busy.reduce((most, hour) => Math.max(most, blockedOf(hour)), 0);
  const table = renderTable(
    [
      { title: "Hour" },
      { title: "Allowed", align: "right" },
      ...verdictColumns(hasWouldBlock),
      { title: "" },
    ],
    busy.map((hour) => [
      shortTime(new Date(hour.hour)).slice(0, -3),
      formatCount(hour.allowed),
      ...verdictCells(hour, hasWouldBlock),
      paint("red", bar(blockedOf(hour), most, BAR_WIDTH)),
    ]),
    width,
  );
  const lines = [
    `allowed  ${paint("green", sparkline(hours.map((hour) => hour.allowed)))}`,
    `blocked  ${paint("red", sparkline(hours.map(blockedOf)))}`,
  ];
  return section("Last 24 hours", `${lines.join("\n")}\n${table}`);
}

/** What was lost, or that nothing was. */
export function lossesText(losses: LossesSnapshot): string {
  const rows = (Object.keys(LOSS_TITLES) as (keyof LossesSnapshot)[])
    .filter((name) => losses[name] > 0)
    .map((name) => [formatCount(losses[name]), LOSS_TITLES[name]]);
  const text = rows.length === 0
    ? "nothing was lost"
    : renderTable([{ title: "Number", align: "right" }, { title: "What" }], rows);
  return section("Losses since start", text);
}

/** "Would block" gets a column only where it occurs: enforcing and observing are told apart. */
function verdictColumns(hasWouldBlock: boolean) {
  const columns = [{ title: "Blocked", align: "right" as const }];
  if (hasWouldBlock) columns.push({ title: "Would block", align: "right" });
  return columns;
}

function verdictCells(
  { blocked, wouldBlock }: { readonly blocked: number; readonly wouldBlock: number },
  hasWouldBlock: boolean,
): string[] {
  return [formatCount(blocked), ...(hasWouldBlock ? [formatCount(wouldBlock)] : [])];
}

/** A title and what belongs to it. */
export function section(title: string, text: string): string {
  return `${paint("bold", title)}\n${text}`;
}

/** To the second, in this machine's time zone. */
export function shortTime(time: Date): string {
  return localTime(time).slice(0, 19);
}
