/** `pfw start`: the running firewall in the foreground, or a replay. */
import { quote } from "../../engine/policy/field_problems.ts";
import { parseDuration, parseSize } from "../../engine/policy/units.ts";
import type { CommandContext } from "../context.ts";
import { usageError } from "../context.ts";

/** The options of `start`, as commander gives them. */
export interface StartOptions {
  readonly monitor?: boolean;
  readonly read?: string;
  readonly record?: boolean;
  readonly local?: string[];
  readonly duration?: string;
  readonly filter?: string;
  readonly force?: boolean;
  /** An address, or true for the configured one. */
  readonly dashboard?: string | true;
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
  const tap = { filter: options.filter, ringBytes: readRingSize(options.ringSize) };
  const mode = options.monitor ? "monitor" : "enforce";
  const { runInForeground } = await import("./foreground.ts");
  const { force, dashboard } = options;
  await runInForeground(context, { mode, interfaces, tap, duration, force, dashboard });
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
  if (options.dashboard) throw usageError(what, "--read and --dashboard exclude each other");
  if (options.duration) throw usageError(what, "--read ends with the file, not by --duration");
}

function readDuration(text: string | undefined): number {
  if (text === undefined) return 0;
  const seconds = parseDuration(text);
  if (seconds !== undefined) return seconds;
  throw usageError("cannot start", `${quote(text)} is no duration`, "use 30s, 10m, 1h");
}

const SMALLEST_RING = 1 << 20, LARGEST_RING = 1 << 30;

function readRingSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= SMALLEST_RING && bytes <= LARGEST_RING) return bytes;
  throw usageError("cannot start", `${quote(text)} is no ring size`, "use 2MB to 1GB");
}
