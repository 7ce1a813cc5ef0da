/** The screen of `pfw stats --watch`, for any size of terminal. */
import type { HourCounts } from "../../engine/observe/stats_query.ts";
import { formatCount, formatSeconds, paint, renderTable } from "../output.ts";
import type { ScreenSize } from "../terminal.ts";
import { fitText, padText, textWidth } from "../text_width.ts";
import { sparkline } from "./stats_bars.ts";
import {
  headText,
  lossesText,
  reasonsText,
  section,
  shortTime,
  type Stats,
  topText,
} from "./stats_format.ts";
import type { Rates } from "./stats_rates.ts";

/** What the screen shows. */
export interface Watched {
  readonly stats: Stats;
  readonly rates: Rates;
  /** Why there are no new figures, in words; empty when there are. */
  readonly trouble: string;
  readonly now: Date;
}

/** From so many columns on, reasons and addresses stand beside each other. */
const SIDE_BY_SIDE = 120;

/** Columns that the names before sparklines take. */
const NAME_WIDTH = 9;

/** The lines of the screen; none is wider than it. */
export function watchLines(watched: Watched, { columns }: ScreenSize): string[] {
  const { stats, trouble } = watched;
  const blocks = [headLines(watched, columns)];
  if (trouble) blocks.push([paint("red", trouble)]);
  blocks.push(totalsLines(watched));
  if (stats.running) blocks.push(rateLines(watched, columns));
  if (stats.stored) blocks.push(hourLines(stats.stored.hours, columns), ...tables(stats, columns));
  if (stats.running) blocks.push(lossesText(stats.running.losses).split("\n"));
  return blocks.flatMap((lines, at) => at > 0 ? ["", ...lines] : lines)
    .map((line) => fitText(line, columns));
}

function headLines({ stats, now }: Watched, columns: number): string[] {
  const [first, ...rest] = headText(stats, now).split("\n");
  const clock = shortTime(now).slice(11);
  const room = columns - clock.length - 2;
  return [`${padText(fitText(first, room), room)}  ${paint("bold", clock)}`, ...rest];
}

function totalsLines({ stats: { stored, running }, rates }: Watched): string[] {
  const isEnforcing = running?.mode !== "monitor";
  const none = { packets: 0, bytes: 0 };
  const rows = [
    {
      name: "allowed",
      rates: rates.allowed,
      since: running?.totals.allowed ?? 0,
      all: stored?.allowed ?? none,
    },
    {
      name: isEnforcing ? "blocked" : "would block",
      rates: rates.blocked,
      since: (isEnforcing ? running?.totals.blocked : running?.totals.wouldBlock) ?? 0,
      all: (isEnforcing ? stored?.blocked : stored?.wouldBlock) ?? none,
    },
  ];
  const titles = ["per second", "highest", "since start", "in all"];
  return renderTable(
    [{ title: "Packets" }, ...titles.map((title) => ({ title, align: "right" as const }))],
    rows.map(({ name, rates, since, all }) => [
      name,
      formatCount(rates.at(-1) ?? 0),
      formatCount(rates.reduce((most, rate) => Math.max(most, rate), 0)),
      formatCount(since),
      formatCount(all.packets),
    ]),
    Infinity,
  ).split("\n");
}

function rateLines({ rates }: Watched, columns: number): string[] {
  const shown = columns - NAME_WIDTH;
  const span = formatSeconds(Math.min(rates.allowed.length, shown));
  const title = rates.allowed.length === 0 ? "Each second" : `Each second of the last ${span}`;
  return pair(title, rates.allowed.slice(-shown), rates.blocked.slice(-shown));
}

/** As wide as the terminal allows: an hour takes several columns. */
function hourLines(hours: readonly HourCounts[], columns: number): string[] {
  const each = Math.max(1, Math.floor((columns - NAME_WIDTH) / Math.max(1, hours.length)));
  const wide = (values: number[]) => values.flatMap((value) => Array<number>(each).fill(value));
  return pair(
    "Each hour of the last 24",
    wide(hours.map(({ allowed }) => allowed)),
    wide(hours.map(({ blocked, wouldBlock }) => blocked + wouldBlock)),
  );
}

function pair(title: string, allowed: readonly number[], blocked: readonly number[]): string[] {
  return section(
    title,
    [
      `${"allowed".padEnd(NAME_WIDTH)}${paint("green", sparkline(allowed))}`,
      `${"blocked".padEnd(NAME_WIDTH)}${paint("red", sparkline(blocked))}`,
    ].join("\n"),
  ).split("\n");
}

function tables({ stored }: Stats, columns: number): string[][] {
  if (!stored) return [];
  const reasons = reasonsText(stored).split("\n");
  if (columns < SIDE_BY_SIDE) return [reasons, topText(stored, columns).split("\n")];
  const left = reasons.reduce((widest, line) => Math.max(widest, textWidth(line)), 0) + 4;
  const top = topText(stored, columns - left).split("\n");
  return [beside(reasons, top, left)];
}

/** Two blocks of lines beside each other, the second from column `at` on. */
function beside(left: readonly string[], right: readonly string[], at: number): string[] {
  const height = Math.max(left.length, right.length);
  return Array.from(
    { length: height },
    (_, line) => (padText(left[line] ?? "", at) + (right[line] ?? "")).trimEnd(),
  );
}
