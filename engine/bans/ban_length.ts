/** How long a ban lasts. */
import type { BanSettings } from "../policy/settings.ts";

/** Each ban of a source is so many times as long as the one before: 10 min, 1 h, 6 h, 1.5 d, 7 d. */
const GROWTH = 6;

/** Milliseconds that a source is banned for, the `offences`th time. */
export function banLength({ first, longest }: BanSettings, offences: number): number {
  // Enough to come from one second to ten years; 6 ** offences might be infinite.
  const steps = Math.min(offences - 1, 16);
  return 1000 * Math.min(longest, first * GROWTH ** steps);
}
