/** `pfw stats --watch` on a terminal: asks every second, draws, and gives the screen back. */
import { errorText } from "../../engine/errors.ts";
import { untilInterrupted } from "../interrupt.ts";
import { Screen } from "../screen.ts";
import type { Stats } from "./stats_format.ts";
import { Rates } from "./stats_rates.ts";
import { watchLines } from "./stats_screen.ts";

/** Shows figures until Ctrl-C. A pfw that ends or starts meanwhile is shown as that, no error. */
export async function watchStats(interval: number, read: () => Promise<Stats>): Promise<void> {
  const rates = new Rates();
  // Before the screen is taken: what fails at once is an error like any other.
  let stats = await read(), trouble = "";
  take(rates, stats);
  using screen = new Screen((size) => watchLines({ stats, rates, trouble, now: new Date() }, size));
  let isFirst = true;
  await untilInterrupted(interval, async () => {
    if (!isFirst) {
      try {
        stats = await read();
        trouble = "";
        take(rates, stats);
      } catch (error) {
        trouble = `no new figures: ${errorText(error)}`;
      }
    }
    isFirst = false;
    return screen.draw();
  });
}

function take(rates: Rates, { running }: Stats): void {
  if (!running) return rates.pause();
  const { allowed, blocked, wouldBlock } = running.totals;
  const isEnforcing = running.mode === "enforce";
  rates.add({ time: performance.now(), allowed, blocked: isEnforcing ? blocked : wouldBlock });
}
