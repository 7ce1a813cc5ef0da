/** What whoever starts the firewall says of how it shall run. */
import type { TapOptions } from "./capture.ts";
import type { Mode } from "./control/status.ts";
import type { StartManner } from "./daemon_safety.ts";
import type { Paths } from "./paths.ts";

/** How pfw is started. */
export interface DaemonOptions extends StartManner {
  readonly paths: Paths;
  readonly mode: Mode;
  readonly version: string;
  /** Interfaces to watch; none means `any`. */
  readonly interfaces: readonly string[];
  readonly tap: TapOptions;
}
