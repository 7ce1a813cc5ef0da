/** Icons as strokes on a grid of 24; they never say anything that no text says. */

const STROKES = {
  shield: ["M12 3 5 5.8v5.4c0 4.4 2.9 8 7 9.8 4.1-1.8 7-5.4 7-9.8V5.8z", "m8.8 12 2.3 2.3 4.2-4.5"],
  eye: [
    "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z",
    "M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
  ],
  off: ["M12 3v8", "M6.8 6.6a7.5 7.5 0 1 0 10.4 0"],
  overview: ["M4 13h6V4H4z", "M14 20h6v-9h-6z", "M14 7h6V4h-6z", "M4 20h6v-3H4z"],
  log: ["M5 6h14", "M5 10.5h14", "M5 15h9", "M5 19.5h11"],
  rules: [
    "M9 6h11",
    "M9 12h11",
    "M9 18h11",
    "m3.5 5.8 1 1 1.8-2",
    "m3.5 11.8 1 1 1.8-2",
    "m3.5 17.8 1 1 1.8-2",
  ],
  lists: ["M4 5h16v5H4z", "M4 14h16v5H4z", "M7.5 7.5h.01", "M7.5 16.5h.01"],
  bans: ["M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z", "m6 6 12 12"],
  feeds: ["M5 19.5v-.01", "M5 13a6.5 6.5 0 0 1 6.5 6.5", "M5 6.5a13 13 0 0 1 13 13"],
  explain: [
    "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z",
    "M9.6 9.3a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.2.9-1.2 1.9",
    "M12 16.6v.01",
  ],
  health: ["M3 12h4l2.5-6.5 4.5 13 2.5-6.5H21"],
  sun: [
    "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
    "M12 2.8v2",
    "M12 19.2v2",
    "m5.5 5.5 1.4 1.4",
    "m17.1 17.1 1.4 1.4",
    "M2.8 12h2",
    "M19.2 12h2",
    "m5.5 18.5 1.4-1.4",
    "m17.1 6.9 1.4-1.4",
  ],
  moon: ["M20 14.2A8.2 8.2 0 0 1 9.8 4a8.2 8.2 0 1 0 10.2 10.2z"],
  auto: ["M12 3.5a8.5 8.5 0 1 1 0 17z", "M12 3.5a8.5 8.5 0 1 0 0 17"],
  pause: ["M8.5 5.5v13", "M15.5 5.5v13"],
  play: ["M8 5.5v13l10.5-6.5z"],
  search: ["M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z", "m15.3 15.3 5 5"],
  plus: ["M12 5v14", "M5 12h14"],
  close: ["m6 6 12 12", "M18 6 6 18"],
  edit: ["M4 20h4L19 9l-4-4L4 16z", "m13.5 6.5 4 4"],
  trash: ["M4.5 7h15", "M9.5 7V4.5h5V7", "m6.5 7 .8 12.5h9.4L17.5 7", "M10 11v5", "M14 11v5"],
  grip: ["M9 6v.01", "M15 6v.01", "M9 12v.01", "M15 12v.01", "M9 18v.01", "M15 18v.01"],
  copy: ["M9 9h11v11H9z", "M15 9V4H4v11h5"],
  check: ["m5 12.5 4.5 4.5L19 7"],
  warn: ["M12 4 2.8 19.5h18.4z", "M12 10v4.5", "M12 17.2v.01"],
  info: ["M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z", "M12 11v5.5", "M12 7.6v.01"],
  refresh: [
    "M20 11a8 8 0 0 0-14.5-3.6L4 9.2",
    "M4 4.5v4.7h4.7",
    "M4 13a8 8 0 0 0 14.5 3.6L20 14.8",
    "M20 19.5v-4.7h-4.7",
  ],
  into: ["M12 4v12", "m7 11 5 5 5-5", "M5 20h14"],
  out: ["M12 20V8", "m7 13 5-5 5 5", "M5 4h14"],
  key: ["M8 11.5a4 4 0 1 1 0 8 4 4 0 0 1 0-8z", "m11 12.6 8.5-8.5", "m16 7.5 3 3"],
} as const;

/** The name of an icon. */
export type IconName = keyof typeof STROKES;

/** An icon, hidden from screen readers. */
export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      {STROKES[name].map((d) => <path key={d} d={d} />)}
    </svg>
  );
}
