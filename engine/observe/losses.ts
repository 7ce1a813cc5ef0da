/** Everything that may get lost, each with its counter: nothing is lost in silence. */

/** Counters since the start, in packets unless said otherwise. */
export class Losses {
  /** Dropped for want of room in the kernel's ring because pfw was too slow. */
  ringDrops = 0;
  /** Dropped by the interface or its driver. */
  interfaceDrops = 0;
  /** Packets that the kernel counted and that were not looked at; see `TapBudget`. Nothing is missing. */
  countedOnly = 0;
  /** Drops that the kernel counted and did not report, or whose report was lost: see `UnreportedDrops`. */
  nflogLost = 0;
  /** Packets that did not fit the capture buffer, or were not found in it. */
  captureRecordsLost = 0;
  /** Packets that share a database row with an earlier one; their number is in its `hits`. */
  rowsCoalesced = 0;
  /** Of those, packets whose row no longer names their addresses. */
  rowsBlurred = 0;
  /**
   * Database rows, and the packets they stood for, that could not be written at all, or that went
   * with a file that was removed.
   */
  rowsLost = 0;
  hitsLost = 0;
  /** Attempts to write to the database that failed; the rows were kept for the next attempt. */
  failedWrites = 0;
  /** Lines of the application log that could not be written. */
  logLinesLost = 0;

  /** The counters now. */
  toJSON(): LossesSnapshot {
    return { ...this };
  }
}

/** Nothing is missing where these count: it is only told in less detail. */
export const HARMLESS: readonly (keyof LossesSnapshot)[] = [
  "countedOnly",
  "nflogLost",
  "rowsCoalesced",
  "rowsBlurred",
];

/** The counters as JSON. */
export type LossesSnapshot = Readonly<
  Pick<
    Losses,
    | "ringDrops"
    | "interfaceDrops"
    | "countedOnly"
    | "nflogLost"
    | "captureRecordsLost"
    | "rowsCoalesced"
    | "rowsBlurred"
    | "rowsLost"
    | "hitsLost"
    | "failedWrites"
    | "logLinesLost"
  >
>;
