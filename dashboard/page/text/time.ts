/** Times of day and spans of time, in the zone of whoever looks. */

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const EXACT = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "long",
});

/** `12:03:15` */
export function clockTime(at: number): string {
  return CLOCK.format(at);
}

/** `29 Nov 2026, 12:03:15 CET` */
export function exactTime(at: number): string {
  return EXACT.format(at);
}

/** The time of day, with the day where it is not today's: `12:03:15`, `27 Nov 12:03`. */
export function shortTime(at: number, now: number): string {
  const then = new Date(at);
  if (then.toDateString() === new Date(now).toDateString()) return clockTime(at);
  const day = then.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day} ${clockTime(at).slice(0, 5)}`;
}

/** `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h` */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) {
    return two(Math.floor(whole / 3_600), "h", Math.floor(whole % 3_600 / 60), "min");
  }
  return two(Math.floor(whole / 86_400), "d", Math.floor(whole % 86_400 / 3_600), "h");
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${large} ${largeUnit}${small > 0 ? ` ${small} ${smallUnit}` : ""}`;
}

/** `5:09`, for what counts down. */
export function countdown(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
