/** What each counter of losses means, for people. */
import type { RunningStatus } from "../../contract.ts";

type Losses = RunningStatus["losses"];

/** A counter, what it counts, and what helps. */
export interface LossText {
  readonly key: keyof Losses;
  readonly name: string;
  readonly text: string;
  /** Nothing is missing: it is only less exact. */
  readonly isHarmless?: boolean;
}

export const LOSS_TEXTS: readonly LossText[] = [
  {
    key: "ringDrops",
    name: "Packets not captured",
    text: "pfw was too slow to look at them. They were enforced on all the same.",
  },
  {
    key: "interfaceDrops",
    name: "Dropped by the interface",
    text: "The network card or its driver dropped them before anybody saw them.",
  },
  {
    key: "nflogLost",
    name: "Drops without a report",
    text: "More was dropped than the kernel reports. They are counted, in rows without addresses.",
    isHarmless: true,
  },
  {
    key: "captureRecordsLost",
    name: "Lost in the capture buffer",
    text: "Packets that did not fit the capture buffer, or were not found in it.",
  },
  {
    key: "rowsLost",
    name: "Rows not stored",
    text: "Rows that could not be written, or went with a file that was removed.",
  },
  { key: "hitsLost", name: "Packets of those rows", text: "Packets that the lost rows stood for." },
  {
    key: "failedWrites",
    name: "Failed writes",
    text: "Attempts to write to the database; the rows were kept for the next attempt.",
  },
  {
    key: "logLinesLost",
    name: "Log lines lost",
    text: "Lines of the application log that could not be written.",
  },
  {
    key: "countedOnly",
    name: "Packets only counted",
    text:
      "More came than pfw has to look at to know what goes on. The kernel counted and judged them.",
    isHarmless: true,
  },
  {
    key: "rowsCoalesced",
    name: "Packets that share a row",
    text: "Equal packets in one row of the database; its hits say how many.",
    isHarmless: true,
  },
  {
    key: "rowsBlurred",
    name: "Rows without addresses",
    text: "Of those, packets whose row no longer names every address.",
    isHarmless: true,
  },
];

/** Everything that got lost. */
export function lostCount(losses: Losses): number {
  return LOSS_TEXTS.filter(({ isHarmless }) => !isHarmless)
    .reduce((sum, { key }) => sum + (losses[key] ?? 0), 0);
}
