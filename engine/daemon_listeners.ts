/** Who wants to know what the running firewall does, beside its log: a terminal, the dashboard. */
import type { OnExit } from "./policy/settings.ts";

/** What may be different now; `pending`: the change that waits to be confirmed. */
export type Changed = "config" | "bans" | "feeds" | "mode" | "pending";

/** Everything is optional, and nothing here may throw or take long. */
export interface DaemonListener {
  /**
   * Before rows are written: they can still be looked at in the view. Those that could not be
   * written the last time are there again: `EventBuffer.unshown` tells what is new.
   */
  events?(): void;
  /** Every second, by the loop that empties the devices. */
  tick?(): void;
  /** What people should see at once: who was banned, what became of a feed. */
  notice?(text: string): void;
  /** Something is different now. */
  changed?(what: Changed): void;
  /** The end begins. */
  stopping?(onExit: OnExit): void;
}

/** All listeners as one. */
export class DaemonListeners implements Required<DaemonListener> {
  readonly #listeners = new Set<DaemonListener>();

  /** Returns what takes the listener away again. */
  add(listener: DaemonListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  events(): void {
    for (const listener of this.#listeners) listener.events?.();
  }

  tick(): void {
    for (const listener of this.#listeners) listener.tick?.();
  }

  notice(text: string): void {
    for (const listener of this.#listeners) listener.notice?.(text);
  }

  changed(what: Changed): void {
    for (const listener of this.#listeners) listener.changed?.(what);
  }

  stopping(onExit: OnExit): void {
    for (const listener of this.#listeners) listener.stopping?.(onExit);
  }
}
