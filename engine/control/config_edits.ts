/** Changes of the configuration by the running firewall itself, for whoever asks at one of its doors. */
import { errorText, ExitCode, PfwError } from "../errors.ts";
import { findLifelines, type Lifelines } from "../net/lifelines.ts";
import type { Viewers } from "../net/viewers.ts";
import type { Paths } from "../paths.ts";
import { editConfig } from "../policy/config_edit.ts";
import { type PendingChange, PendingFile, secondsLeft } from "../policy/pending_change.ts";
import { confirmChange, returnNow } from "../policy/return_change.ts";
import { SafeChange } from "../policy/safe_change.ts";
import type { ConfigDraft } from "../policy/schema.ts";
import type { ReloadAnswer, ReloadRequest } from "./client.ts";
import type { Mode } from "./status.ts";

/** How a change is to be made. */
export interface ChangeManner {
  /** Also where it cuts off whoever works on this machine. */
  readonly force?: boolean;
  /** Seconds after which it returns unless it is confirmed. */
  readonly confirm?: number;
}

/** A change that waits, for people. */
export interface PendingView {
  readonly command: string;
  readonly user: string;
  readonly secondsLeft: number;
}

/** What became of a change. */
export interface ChangeAnswer {
  /** For people: `added rule 3 "No SMTP"`. */
  readonly done: string;
  /** False where everything was so already. */
  readonly changed: boolean;
  /** Whether the kernel enforces it now. */
  readonly inKernel: boolean;
  /** From the writing of the file to the kernel's answer. */
  readonly milliseconds: number;
  readonly pending: PendingView | null;
  readonly notices: readonly string[];
}

/** Makes the change; what it returns is said of it. */
export type Change = (draft: ConfigDraft) => string;

/** Whom it asks. */
export interface ConfigEditParts {
  readonly paths: Paths;
  readonly mode: () => Mode;
  readonly viewers: Viewers;
  readonly reload: (request: ReloadRequest) => Promise<string>;
  /** Told when a change waits, and when none does any more. */
  readonly pendingChanged: () => void;
}

/** Edits the one source of truth, the file, and has it enforced. */
export class ConfigEdits {
  readonly #parts: ConfigEditParts;
  /** Starts whoever watches over a change that waits, beside this process. */
  onPending: (pending: PendingChange) => void = () => {};

  constructor(parts: ConfigEditParts) {
    this.#parts = parts;
  }

  /**
   * Makes one change, in the file and in the kernel.
   *
   * @param command for the history, e.g. `rules add "No SMTP"`
   * @throws PfwError with both as they were; a CutError where it would cut a lifeline
   */
  async change(
    command: string,
    { force = false, confirm }: ChangeManner,
    change: Change,
  ): Promise<ChangeAnswer> {
    const { paths, mode } = this.#parts;
    const user = "dashboard";
    const safe = new SafeChange({
      command,
      user,
      force,
      confirm,
      dataDir: paths.dataDir,
      lifelines: this.#lifelines(),
      onPending: (pending) => this.onPending(pending),
    });
    const reload = () => this.#reload({ isJudged: true, command, user });
    const edited = await editConfig(paths.config, change, reload, safe);
    if (safe.pending) this.#parts.pendingChanged();
    return {
      done: edited.value,
      changed: edited.changed,
      inKernel: mode() === "enforce",
      milliseconds: Number(edited.milliseconds.toFixed(1)),
      pending: await this.pending(),
      notices: safe.notices,
    };
  }

  /** The change that waits. */
  async pending(): Promise<PendingView | null> {
    const pending = await this.#file.read();
    return pending ? pendingView(pending) : null;
  }

  /** Keeps the change that waits. @throws PfwError where none does */
  async confirm(): Promise<ChangeAnswer> {
    const started = performance.now();
    const kept = await confirmChange(this.#parts.paths.dataDir);
    if (!kept) throw nothingWaits();
    return this.#settled(`kept: ${kept.command}`, started);
  }

  /** Takes the change that waits back, before its time. @throws PfwError where none waits */
  async revert(): Promise<ChangeAnswer> {
    const started = performance.now();
    const returned = await returnNow(
      this.#parts.paths.dataDir,
      async () => void await this.#parts.reload({ isJudged: true }),
    );
    if (!returned) throw nothingWaits();
    return this.#settled(`taken back: ${returned.command}`, started);
  }

  #settled(done: string, started: number): ChangeAnswer {
    this.#parts.pendingChanged();
    return changeAnswer(done, this.#parts.mode(), performance.now() - started);
  }

  get #file(): PendingFile {
    return new PendingFile(this.#parts.paths.dataDir);
  }

  /** Where nothing is enforced, nothing can be cut. */
  #lifelines(): Lifelines {
    if (this.#parts.mode() === "monitor") {
      return { sessions: [], gateways: [], resolvers: [], own: [] };
    }
    return { ...findLifelines(), viewers: this.#parts.viewers.now() };
  }

  async #reload(request: ReloadRequest): Promise<ReloadAnswer> {
    try {
      const summary = await this.#parts.reload(request);
      return { running: true, ok: true, summary, mode: this.#parts.mode() };
    } catch (error) {
      const exitCode = error instanceof PfwError ? error.exitCode : ExitCode.failed;
      return { running: true, ok: false, error: errorText(error), exitCode };
    }
  }
}

/** The answer to a change that is made, and after which nothing waits. */
export function changeAnswer(done: string, mode: Mode, milliseconds: number): ChangeAnswer {
  return {
    done,
    changed: true,
    inKernel: mode === "enforce",
    milliseconds: Number(milliseconds.toFixed(1)),
    pending: null,
    notices: [],
  };
}

function pendingView(pending: PendingChange): PendingView {
  const { command, user } = pending;
  return { command, user, secondsLeft: Math.ceil(secondsLeft(pending)) };
}

function nothingWaits(): PfwError {
  return new PfwError("nothing waits to be confirmed", "its time may have run out", "");
}
