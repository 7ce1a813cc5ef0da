/** One of the two charts that stand above each other. */
import uPlot from "uplot";
import { formatAxis } from "../text/number.ts";
import { BLOCKING } from "../text/reason.ts";
import type { ChartColours } from "./colours.ts";

/** What the charts tell whoever holds them. */
export interface PanelEvents {
  /** The point under the cursor; undefined where there is none. */
  onPoint(index: number | undefined): void;
}

/** Space for the figures of the axis. */
const AXIS_WIDTH = 52;
/** Both charts show the same point. */
const SYNC = "traffic";

/** Draws what was allowed. */
export function allowedPanel(colours: ChartColours, events: PanelEvents) {
  return settings(colours, events, 104, false, [area(colours.allowed, true)]);
}

/** Draws what was blocked: each reason covers the sum of those below it and itself. */
export function blockedPanel(colours: ChartColours, events: PanelEvents) {
  const areas = [...BLOCKING].reverse().map((reason) => area(colours.reasons.get(reason)!, false));
  return settings(colours, events, 176, true, areas);
}

function area(colour: string, isFaint: boolean): uPlot.Series {
  return {
    stroke: colour,
    width: isFaint ? 1.5 : 0,
    fill: isFaint ? faint(colour) : colour,
    points: { show: false },
    paths: uPlot.paths.stepped?.({ align: 1 }),
  };
}

/** `rgb(1, 2, 3)` to the same with a fifth of its strength. */
function faint(colour: string): string {
  return colour.replace(/^rgb\((.*)\)$/, "rgba($1, 0.18)");
}

function settings(
  { text, grid }: ChartColours,
  { onPoint }: PanelEvents,
  height: number,
  hasTimes: boolean,
  series: uPlot.Series[],
): uPlot.Options {
  const line = { stroke: grid, width: 1 };
  const axis = { stroke: text, grid: line, ticks: { show: false }, font: "12px system-ui" };
  return {
    width: 300,
    height,
    legend: { show: false },
    padding: [8, 4, hasTimes ? 0 : 8, 0],
    cursor: {
      sync: { key: SYNC },
      drag: { x: false, y: false },
      points: { show: false },
      y: false,
    },
    scales: { y: { range: (_, __, max) => [0, niceTop(max)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        show: hasTimes,
        size: 26,
        values: (chart, times) => times.map((time) => hasRoom(chart, time) ? axisTime(time) : ""),
        space: 70,
      },
      {
        ...axis,
        size: AXIS_WIDTH,
        space: 34,
        values: (_, values) => values.map((value) => value === null ? "" : formatAxis(value)),
      },
    ],
    series: [{}, ...series],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
  };
}

/** Half of a time's width, with a little to spare. */
const HALF_TIME = 30;

/** Whether a time can stand below its line without being cut off by the end of the chart. */
function hasRoom(chart: uPlot, time: number): boolean {
  const end = chart.bbox.width / devicePixelRatio;
  return chart.valToPos(time, "x") < end - HALF_TIME;
}

/** A little room above, and a scale that does not jump with every packet. */
function niceTop(max: number): number {
  const wanted = Math.max(max ?? 0, 1) * 1.1;
  const step = 10 ** Math.floor(Math.log10(wanted)) / 4;
  return Math.ceil(wanted / step) * step;
}

function axisTime(time: number): string {
  const date = new Date(time * 1_000);
  const two = (value: number) => String(value).padStart(2, "0");
  const seconds = date.getSeconds() === 0 ? "" : `:${two(date.getSeconds())}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}${seconds}`;
}
