/** The figures of every span that was asked for, kept up to date by the ticks. */
import type { Series, Span, Tick } from "../../contract.ts";
import { get } from "../api.ts";
import { inNextFrame } from "./frame.ts";
import { SpanData } from "./span_data.ts";
import { chartVersion, span } from "./state.ts";

const loaded = new Map<Span, SpanData>();
let drawnAt = 0;

/** Ticks come four a second; a chart that is drawn once a second looks the same. */
const REDRAW = 950;

/** The figures of a span, if they are there. */
export function spanData(which: Span): SpanData | undefined {
  return loaded.get(which);
}

/** Loads the span that is shown; others are loaded when they are chosen. */
export async function loadChart(): Promise<void> {
  const which = span.value;
  const series = await get<Series>(`/series?span=${which}`).catch(() => undefined);
  if (!series) return;
  loaded.set(which, new SpanData(series));
  redraw();
}

/** There was a break: what is not shown now is loaded when it is; the rest stays until then. */
export function forgetOtherCharts(): void {
  for (const which of loaded.keys()) if (which !== span.peek()) loaded.delete(which);
}

/** Carries every chart on. */
export function addToCharts(tick: Tick): void {
  for (const data of loaded.values()) data.add(tick);
  if (tick.now - drawnAt < REDRAW && tick.now >= drawnAt) return;
  drawnAt = tick.now;
  inNextFrame(redraw);
}

function redraw(): void {
  chartVersion.value++;
}
