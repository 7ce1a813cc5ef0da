/** When a decision of CrowdSec ends. */
import type { JsonScalar } from "./json_walker.ts";

/** A duration as Go writes it (package time, ParseDuration): `3h59m57.64s`, `-1m0s`, `0s`. */
const GO_DURATION = /^([-+]?)((?:\d{1,12}(?:\.\d{0,12})?(?:h|m|s|ms|us|µs|ns))+)$/;

/**
 * Whether a decision is over: by its remaining duration, else by its end. One without either has
 * no end.
 *
 * @param now milliseconds since 1970
 * @returns `undefined` where its time cannot be read
 */
export function isExpired(
  duration: JsonScalar | undefined,
  until: JsonScalar | undefined,
  now: number,
): boolean | undefined {
  if (typeof duration === "string" && duration !== "") {
    const match = duration.length <= 64 ? GO_DURATION.exec(duration) : null;
    return match ? match[1] === "-" || !/[1-9]/.test(match[2]) : undefined;
  }
  if (duration !== undefined && duration !== null && duration !== "") return undefined;
  if (until === undefined || until === null || until === "") return false;
  const end = typeof until === "string" ? Date.parse(until) : NaN;
  return Number.isNaN(end) ? undefined : end <= now;
}
