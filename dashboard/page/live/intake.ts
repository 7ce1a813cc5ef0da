/** What becomes of each event of the stream. */
import { batch } from "@preact/signals";
import type { Bye, Changed, Hello, Tick } from "../../contract.ts";
import { notify } from "../parts/notices.ts";
import { addToCharts, forgetOtherCharts, loadChart } from "./chart_data.ts";
import { serverNow, setClock } from "./clock.ts";
import { inNextFrame } from "./frame.ts";
import { addRows, clearRows } from "./log_feed.ts";
import { RateMeter } from "./rate.ts";
import { bans, overview, reloadShown, threats } from "./resource.ts";
import { facts, link, mode, rates, totals } from "./state.ts";

const meter = new RateMeter();
let newestTotals: Tick["totals"] | null = null;

/**
 * Takes the first event of a connection.
 *
 * @returns false where another pfw answers than before: then the rows since the old one's newest
 *   are not what is wanted
 */
export function takeHello(hello: Hello): boolean {
  const { version, instance, since } = hello;
  const known = facts.peek()?.instance;
  const isOther = known !== undefined && known !== instance;
  if (isOther) clearRows();
  setClock(hello.now);
  meter.clear();
  forgetOtherCharts();
  batch(() => {
    facts.value = { version, instance, since };
    mode.value = hello.mode;
    totals.value = newestTotals = hello.totals;
    link.value = { kind: "live" };
  });
  if (!isOther) addRows(hello.rows, hello.missed);
  loadChart();
  reloadShown();
  return !isOther;
}

/** Takes what happened since the last one. */
export function takeTick(tick: Tick): void {
  meter.add(tick);
  newestTotals = tick.totals;
  addRows(tick.rows);
  addToCharts(tick);
  inNextFrame(showFigures);
}

function showFigures(): void {
  batch(() => {
    totals.value = newestTotals;
    rates.value = link.peek().kind === "live" ? meter.rates() : rates.peek();
  });
}

/** Asks again for what changed. */
export function takeChanged({ what, notice }: Changed): void {
  // Nobody looks: when somebody does, everything is asked for again.
  if (document.hidden) return;
  if (what.some((one) => one === "config" || one === "mode" || one === "pending")) overview.load();
  if (what.includes("bans") && bans.users > 0) bans.load();
  if (what.includes("feeds") && threats.users > 0) threats.load();
  if (notice) notify({ tone: "info", text: notice });
}

/** pfw is stopping. */
export function takeBye({ kept }: Bye): void {
  link.value = { kind: "stopped", since: serverNow(), kept };
}

/** Nothing is heard any more. */
export function takeLoss(): void {
  const { kind } = link.peek();
  if (kind === "live" || kind === "connecting") link.value = { kind: "lost", since: serverNow() };
}
