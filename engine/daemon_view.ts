/** What whoever started pfw gets to see of it while it runs. */
import type { Mode } from "./control/status.ts";
import type { EventBuffer } from "./observe/event_buffer.ts";
import type { EventDetails } from "./observe/event_details.ts";
import type { Losses } from "./observe/losses.ts";
import type { Totals } from "./observe/totals.ts";

/** Live counters, not copies. */
export interface DaemonView {
  /** Says which mode it is; that may change. */
  readonly enforcement: { readonly mode: Mode };
  readonly totals: Totals;
  readonly losses: Losses;
  readonly details: EventDetails;
  /** Rows not yet written: valid only while a listener's `events` is called. */
  readonly blocked: EventBuffer;
  readonly allowed: EventBuffer;
}
