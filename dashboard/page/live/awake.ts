/** What a page does that is looked at again: while it was hidden, or slept, much may have changed. */
import { loadChart } from "./chart_data.ts";
import { reloadShown } from "./resource.ts";
import { link } from "./state.ts";

/** Catches up as soon as somebody looks. A connection that is gone does so when it is back. */
export function catchUpWhenSeen(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || link.peek().kind !== "live") return;
    reloadShown();
    loadChart();
  });
}
