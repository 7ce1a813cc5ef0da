/** The live log: the newest rows that pass a filter, and a pause that loses nothing of note. */
import { batch, signal } from "@preact/signals";
import type { LiveRow } from "../../contract.ts";
import { inNextFrame } from "./frame.ts";
import { Ring } from "./ring.ts";
import { type LogEntry, NO_FILTER, type RowFilter, rowTest } from "./row_filter.ts";

/** Rows that are remembered. */
const REMEMBERED = 2_000;

/**
 * Rows that are shown: more than a window has room for; and all that somebody can scroll to, once
 * the log stands still. Each new row moves those below it, and what moves is painted anew.
 */
const SHOWN_LIVE = 80;
const SHOWN_STILL = 200;

/** `hold`: for a moment, while somebody points at a row; `deep`: while older ones are scrolled to. */
export type Pause = "no" | "paused" | "hold" | "deep";

/** The newest first. */
export const shownRows = signal<readonly LogEntry[]>([]);
/** Rows that wait for the end of the pause. */
export const waitingRows = signal(0);
/** Whether the log stands still. */
export const pause = signal<Pause>("no");
/** What the log shows. */
export const filter = signal<RowFilter>(NO_FILTER);

const ring = new Ring<LogEntry>(REMEMBERED);
/** The newest row when the pause began. */
let pausedAt = Infinity;
let newest = 0;

/** The `seq` of the newest row. */
export function newestSeq(): number {
  return newest;
}

/** Takes rows, oldest first; those that are there already are left out. */
export function addRows(rows: readonly LiveRow[], missed = 0): void {
  const fresh = rows.filter(({ seq }) => seq > newest);
  if (fresh.length === 0) return;
  if (missed > 0 && newest > 0) {
    ring.push({ seq: fresh[0].seq - 0.5, at: fresh[0].at, gap: missed });
  }
  for (const row of fresh) ring.push(row);
  newest = fresh[fresh.length - 1].seq;
  inNextFrame(showNew);
}

/** Another pfw numbers its rows anew. */
export function clearRows(): void {
  ring.clear();
  newest = 0;
  pausedAt = Infinity;
  batch(() => {
    pause.value = "no";
    shownRows.value = [];
    waitingRows.value = 0;
  });
}

/** Stops or goes on. */
export function setPause(kind: Pause): void {
  if (kind === pause.value) return;
  if (pause.value === "no") pausedAt = newest;
  if (kind === "no") pausedAt = Infinity;
  pause.value = kind;
  show();
}

/** Shows other rows, also during a pause; those that were scrolled to are no longer there. */
export function setFilter(change: Partial<RowFilter>): void {
  filter.value = { ...filter.value, ...change };
  if (pause.value === "deep") setPause("no");
  else show();
}

/** Whether some rows are left out. */
export function isFiltered(): boolean {
  const { text, action, reason } = filter.value;
  return text.trim() !== "" || action !== "" || reason !== "";
}

function show(): void {
  const passes = rowTest(filter.value);
  const most = pause.value === "paused" || pause.value === "deep" ? SHOWN_STILL : SHOWN_LIVE;
  const rows: LogEntry[] = [];
  let waiting = 0;
  for (const row of ring.newest()) {
    if (!passes(row)) continue;
    if (row.seq > pausedAt) waiting++;
    else if (rows.push(row) === most) break;
  }
  batch(() => {
    waitingRows.value = waiting;
    shownRows.value = rows;
  });
}

/** New rows came: a pause keeps what it shows, even when the ring has lost it since. */
function showNew(): void {
  if (pause.value === "no") return show();
  const passes = rowTest(filter.value);
  let waiting = 0;
  for (const row of ring.newest()) {
    if (row.seq <= pausedAt) break;
    if (passes(row)) waiting++;
  }
  waitingRows.value = waiting;
}
