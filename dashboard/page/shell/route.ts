/** Which view is open: it stands in the address, so that a reload keeps it. */
import { signal } from "@preact/signals";

export const VIEWS = [
  "overview",
  "log",
  "rules",
  "lists",
  "bans",
  "feeds",
  "explain",
  "health",
] as const;

/** One of `VIEWS`. */
export type ViewName = typeof VIEWS[number];

/** A view and what it is to show. */
export interface Route {
  readonly view: ViewName;
  readonly params: Readonly<Record<string, string>>;
}

export const route = signal<Route>(readRoute(location.hash));

/** Reads `#/explain?address=203.0.113.7`; what is unknown leads to the overview. */
export function readRoute(hash: string): Route {
  const [, name = "", query = ""] = /^#\/([a-z]*)(?:\?(.*))?$/.exec(hash) ?? [];
  const view = VIEWS.find((one) => one === name) ?? "overview";
  return { view, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a view. */
export function hrefOf(view: ViewName, params: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(params).toString();
  return `#/${view === "overview" ? "" : view}${query && `?${query}`}`;
}

/** Opens a view; one that is open already is begun anew, since it was asked for again. */
export function goTo(view: ViewName, params: Readonly<Record<string, string>> = {}): void {
  const hash = hrefOf(view, params);
  // The browser tells of no address that is there already.
  if (hash === location.hash) route.value = readRoute(hash);
  else location.hash = hash;
}

/** Follows the address. */
export function followRoute(): void {
  addEventListener("hashchange", () => route.value = readRoute(location.hash));
}
