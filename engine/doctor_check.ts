/** What `pfw doctor` finds out about one thing. */

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  /** `ok`; `missing`: not there or not usable; `warning`: works, but look at it. */
  readonly state: "ok" | "missing" | "warning";
  /** Whether pfw cannot enforce without it. */
  readonly needed: boolean;
  /** Its version, its place, or what is wrong with it. */
  readonly detail: string;
  /** What to do about it; empty where there is nothing to do. */
  readonly fix: string;
}

/** A check that went well. */
export function fine(name: string, detail: string, needed = true): Check {
  return { name, state: "ok", needed, detail, fix: "" };
}

/** A check that found something missing that enforcing needs. */
export function lacking(name: string, detail: string, fix: string): Check {
  return { name, state: "missing", needed: true, detail, fix };
}
