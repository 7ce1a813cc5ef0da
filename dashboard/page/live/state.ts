/** What is known of the running firewall, for every view. */
import { signal } from "@preact/signals";
import type { LiveTotals, Mode, Span } from "../../contract.ts";
import { NO_RATES, type Rates } from "./rate.ts";

/** Whether figures are live. Times are milliseconds since 1970. */
export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly since: number }
  | { readonly kind: "stopped"; readonly since: number; readonly kept: boolean };

/** The state of the stream of events. */
export const link = signal<Link>({ kind: "connecting" });

/** What `hello` said. */
export const facts = signal<
  { readonly version: string; readonly instance: string; readonly since: number } | null
>(null);

/** Enforcing or only looking on; null before the first word. */
export const mode = signal<Mode | null>(null);

/** Sums since the start. */
export const totals = signal<LiveTotals | null>(null);

/** What is shown large. */
export const rates = signal<Rates>(NO_RATES);

/** The span that the chart shows. */
export const span = signal<Span>("5m");

/** Grows when the chart has something new to show. */
export const chartVersion = signal(0);

/** Whether what is shown may be out of date. */
export function isOld(): boolean {
  return link.value.kind === "lost" || link.value.kind === "stopped";
}
