/** The firewall that the dashboard shows: what it asks of the running one. */
import type { EditControl } from "../engine/control/edit_routes.ts";
import type { BanControl } from "../engine/control/intel_control.ts";
import type { Controlled } from "../engine/control/server.ts";
import type { ViewControl } from "../engine/control/view_routes.ts";
import type { DaemonListener } from "../engine/daemon_listeners.ts";
import type { DaemonView } from "../engine/daemon_view.ts";
import type { KernelCounters } from "../engine/kernel/counters.ts";
import type { Viewers } from "../engine/net/viewers.ts";
import type { Paths } from "../engine/paths.ts";
import type { PolicyRule } from "../engine/policy/policy.ts";

/** A running firewall; `Daemon` is one. */
export interface Shown {
  readonly control: ShownControl;
  readonly view: DaemonView;
  /** Tells a listener what happens from now on; returns what takes it away. */
  listen(listener: DaemonListener): () => void;
}

/** What it answers and does. */
export interface ShownControl extends Controlled {
  readonly since: Date;
  readonly paths: Paths;
  readonly bans: BanControl;
  readonly views: ViewControl;
  readonly edits: EditControl;
  /** No change should cut those who look. */
  readonly viewers: Viewers;
  /** Empty where it is not known. */
  interfaceName(index: number): string;
  /** `undefined` while nothing is enforced. */
  kernelCounters(): Promise<KernelCounters | undefined>;
  /** The rules that are switched on. */
  rules(): readonly Pick<PolicyRule, "id" | "name">[];
}
