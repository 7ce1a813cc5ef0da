/** The running firewall in the foreground of a terminal, or of a service manager. */
import type { TapOptions } from "../../engine/capture.ts";
import type { Mode } from "../../engine/control/status.ts";
import { Daemon } from "../../engine/daemon.ts";
import { errorText } from "../../engine/errors.ts";
import { ServiceNotifier } from "../../engine/service_notify.ts";
import type { CommandContext } from "../context.ts";
import { LiveView } from "../live.ts";
import { note, printJson, tryWriteOut, warn } from "../output.ts";
import { VERSION } from "../version.ts";
import { returnOverdue } from "./return_overdue.ts";
import { firstRunText, isFirstRun } from "./first_run.ts";
import { askEndReason, ownUnit } from "./service_manager.ts";
import { PageDoor } from "./page_door.ts";
import { END_TEXTS } from "./stop.ts";

/** What to run. */
export interface ForegroundOptions {
  readonly mode: Mode;
  readonly interfaces: readonly string[];
  readonly tap: TapOptions;
  /** Seconds until it stops by itself; 0: never. */
  readonly duration: number;
  /** Cuts the session that this command comes from where it must. */
  readonly force?: boolean;
  /** Opens the web page, at this address or where the configuration says. */
  readonly dashboard?: string | true;
}

/** Runs until a signal, `pfw stop` or the end of the duration. */
export async function runInForeground(
  context: CommandContext,
  options: ForegroundOptions,
): Promise<void> {
  using notifier = ServiceNotifier.fromEnvironment();
  using signals = new Signals(notifier);
  await returnOverdue(context.paths);
  const isFirst = await isFirstRun(context.paths);
  await using page = await PageDoor.open(context.paths, options.dashboard);
  const daemon = await Daemon.start({
    paths: context.paths,
    version: VERSION,
    isAttended: isAttended(),
    ...options,
  });
  signals.handOver(daemon);
  // Through whatever comes: a page that is open hears that pfw ends.
  daemon.listen({ stopping: (onExit) => page.sayGoodBye(onExit) });
  for (const warning of daemon.warnings) warn(warning);
  const view = context.json ? undefined : new LiveView(daemon.view);
  // A service manager's journal is no place for every blocked packet: the database has them.
  const isShown = view !== undefined && !notifier.isListenedTo;
  daemon.listen({
    notice: (text) => view?.notice(text),
    events: () => isShown && view.showEvents(),
    // The loop that reads the packets calls this: as long as it does, pfw lives.
    tick: () => notifier.alive(),
  });
  announce(context, daemon, notifier);
  await page.serve(daemon, (address) => {
    // A journal is read by more people than may sign in.
    const isForPeople = view !== undefined && !notifier.isListenedTo;
    if (isForPeople) tryWriteOut(`pfw: dashboard at ${address.signIn}\n`);
    else note(`pfw: dashboard at ${address.plain}`);
  });
  if (isFirst && view && Deno.stdout.isTerminal()) {
    // It only helps: what runs by now does not end for it.
    const text = await firstRunText(context.paths, options.mode).catch(() => "");
    tryWriteOut(`${text}\n`);
  }
  const end = () => {
    notifier.stopping();
    daemon.stop();
  };
  const cancel = options.duration > 0 ? after(options.duration, end) : undefined;
  view?.begin();
  try {
    await daemon.run();
  } finally {
    view?.end();
    cancel?.();
  }
  sumUp(daemon, view);
}

function announce({ json }: CommandContext, daemon: Daemon, notifier: ServiceNotifier): void {
  const ready = `pfw: ready (${daemon.summary})`;
  if (json) note(ready);
  else tryWriteOut(`${ready}\n`);
  notifier.ready(daemon.summary);
}

function sumUp(daemon: Daemon, view: LiveView | undefined): void {
  const { totals, losses, enforcement: { mode } } = daemon.view;
  if (view) tryWriteOut(`${view.summary()}\n`);
  else printJson({ mode, totals: totals.toJSON(), losses: losses.toJSON() });
  if (daemon.onExit === "keep") note(`pfw: ${END_TEXTS.keep}`);
}

/** Whether somebody sees what this command says, and can give it again with `--force`. */
function isAttended(): boolean {
  return Deno.stdin.isTerminal() || Boolean(Deno.env.get("SSH_CONNECTION"));
}

/**
 * SIGINT and SIGTERM end pfw, SIGHUP reloads. Those that come during the start take effect after
 * it: dying halfway would leave in the kernel what nobody looks after.
 */
class Signals implements Disposable {
  #daemon: Daemon | undefined;
  readonly #early = new Set<Deno.Signal>();
  readonly #handlers = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) =>
    [signal, () => this.#receive(signal)] as const
  );

  constructor(private readonly notifier: ServiceNotifier) {
    for (const [signal, handler] of this.#handlers) Deno.addSignalListener(signal, handler);
  }

  /** From now on the signals act on this daemon. */
  handOver(daemon: Daemon): void {
    this.#daemon = daemon;
    for (const signal of this.#early) this.#receive(signal);
  }

  #receive(signal: Deno.Signal): void {
    if (!this.#daemon) this.#early.add(signal);
    else if (signal === "SIGHUP") void reload(this.#daemon, this.notifier);
    else void end(this.#daemon, this.notifier, signal);
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
  }
}

async function reload(daemon: Daemon, notifier: ServiceNotifier): Promise<void> {
  notifier.reloading();
  try {
    const { summary, notice } = await daemon.reload();
    notifier.ready(summary);
    note(`pfw: reloaded: ${summary}`);
    if (notice !== undefined) note(`pfw: ${notice}`);
  } catch (error) {
    const why = `reload refused, the running policy stays: ${errorText(error)}`;
    notifier.ready(why);
    note(`pfw: ${why}`);
  }
}

async function end(daemon: Daemon, notifier: ServiceNotifier, signal: Deno.Signal): Promise<void> {
  notifier.stopping();
  const unit = signal === "SIGTERM" ? ownUnit() : undefined;
  if (unit && daemon.view.enforcement.mode === "enforce") {
    const reason = await askEndReason(unit);
    if (reason === "unknown") warn("systemd does not say whether this is a restart");
    if (reason !== "stop") daemon.keepRules();
  }
  daemon.stop();
}

/** A timer's delay is a signed 32-bit number: a longer one would end at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Returns what cancels it. */
function after(seconds: number, action: () => void): () => void {
  const end = performance.now() + seconds * 1000;
  let timer: ReturnType<typeof setTimeout>;
  const wait = () => {
    const left = end - performance.now();
    if (left <= 0) action();
    else timer = setTimeout(wait, Math.min(left, LONGEST_TIMER));
  };
  wait();
  return () => clearTimeout(timer);
}
