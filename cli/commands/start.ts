/** `pfw start`: the running firewall in the foreground, or a replay. */
import { Daemon } from "../../engine/daemon.ts";
import { errorText } from "../../engine/errors.ts";
import { parseDuration, parseSize } from "../../engine/policy/units.ts";
import type { CommandContext } from "../context.ts";
import { usageError } from "../context.ts";
import { LiveView } from "../live.ts";
import { printJson } from "../output.ts";
import { VERSION } from "../version.ts";

/** The options of `start`, as commander gives them. */
export interface StartOptions {
  readonly monitor?: boolean;
  readonly read?: string;
  readonly record?: boolean;
  readonly local?: string[];
  readonly duration?: string;
  readonly filter?: string;
  readonly ringSize: string;
}

/** Runs until a signal, `pfw stop` or the end of `--duration`; with `--read` until the file's end. */
export async function start(
  context: CommandContext,
  interfaces: readonly string[],
  options: StartOptions,
): Promise<void> {
  requireSense(interfaces, options);
  if (options.read !== undefined) {
    const { replayFile } = await import("./replay.ts");
    return await replayFile(context, { ...options, file: options.read });
  }
  const duration = readDuration(options.duration);
  const daemon = await Daemon.start({
    paths: context.paths,
    mode: options.monitor ? "monitor" : "enforce",
    version: VERSION,
    interfaces,
    tap: { filter: options.filter, ringBytes: readRingSize(options.ringSize) },
  });
  await runInForeground(context, daemon, duration);
}

async function runInForeground(context: CommandContext, daemon: Daemon, duration: number) {
  const view = context.json ? undefined : new LiveView(daemon.view);
  if (view) daemon.onEvents = () => view.showEvents();
  const ready = `pfw: ready (${daemon.summary})`;
  if (context.json) console.error(ready);
  else console.log(ready);
  const endings = listenForSignals(daemon);
  if (duration > 0) endings.push(after(duration, () => daemon.stop()));
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

/** Options that contradict each other are a mistake: better said than guessed. */
function requireSense(interfaces: readonly string[], options: StartOptions): void {
  const what = "cannot start";
  if (options.read === undefined) {
    if (options.record) throw usageError(what, "--record needs --read");
    if (options.local) throw usageError(what, "--local needs --read");
    return;
  }
  if (options.monitor) throw usageError(what, "--read and --monitor exclude each other");
  if (interfaces.length > 0) throw usageError(what, "--read takes no interfaces");
  if (options.duration) throw usageError(what, "--read ends with the file, not by --duration");
}

function readDuration(text: string | undefined): number {
  if (text === undefined) return 0;
  const seconds = parseDuration(text);
  if (seconds !== undefined) return seconds;
  throw usageError("cannot start", `${JSON.stringify(text)} is no duration`, "use 30s, 10m, 1h");
}

const SMALLEST_RING = 1 << 20, LARGEST_RING = 1 << 30;

function readRingSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= SMALLEST_RING && bytes <= LARGEST_RING) return bytes;
  throw usageError("cannot start", `${JSON.stringify(text)} is no ring size`, "use 2MB to 1GB");
}
