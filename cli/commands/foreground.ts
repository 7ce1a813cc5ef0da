/** The running firewall in the foreground of a terminal, or of a service manager. */
import type { TapOptions } from "../../engine/capture.ts";
import type { Mode } from "../../engine/control/status.ts";
import { Daemon } from "../../engine/daemon.ts";
import { errorText } from "../../engine/errors.ts";
import type { CommandContext } from "../context.ts";
import { LiveView } from "../live.ts";
import { printJson } from "../output.ts";
import { VERSION } from "../version.ts";

/** What to run. */
export interface ForegroundOptions {
  readonly mode: Mode;
  readonly interfaces: readonly string[];
  readonly tap: TapOptions;
  /** Seconds until it stops by itself; 0: never. */
  readonly duration: number;
}

/** Runs until a signal, `pfw stop` or the end of the duration. */
export async function runInForeground(
  context: CommandContext,
  options: ForegroundOptions,
): Promise<void> {
  const daemon = await Daemon.start({ paths: context.paths, version: VERSION, ...options });
  const view = context.json ? undefined : new LiveView(daemon.view);
  if (view) daemon.onEvents = () => view.showEvents();
  const ready = `pfw: ready (${daemon.summary})`;
  if (context.json) console.error(ready);
  else console.log(ready);
  const endings = listenForSignals(daemon);
  if (options.duration > 0) endings.push(after(options.duration, () => daemon.stop()));
  view?.begin();
  try {
    await daemon.run();
  } finally {
    view?.end();
    for (const end of endings) end();
  }
  const { totals, losses, mode } = daemon.view;
  if (context.json) printJson({ mode, totals: totals.toJSON(), losses: losses.toJSON() });
  else console.log(view!.summary());
}

/** Returns what undoes the listening. */
function listenForSignals(daemon: Daemon): (() => void)[] {
  const stop = () => daemon.stop();
  const reload = () => {
    daemon.reload().then(
      (summary) => console.error(`pfw: reloaded: ${summary}`),
      (error) =>
        console.error(`pfw: reload refused, the running policy stays: ${errorText(error)}`),
    );
  };
  const handlers = [["SIGINT", stop], ["SIGTERM", stop], ["SIGHUP", reload]] as const;
  for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
  return handlers.map(([signal, handler]) => () => Deno.removeSignalListener(signal, handler));
}

function after(seconds: number, action: () => void): () => void {
  const timer = setTimeout(action, seconds * 1000);
  return () => clearTimeout(timer);
}
