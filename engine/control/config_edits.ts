/** Changes of the configuration by the running firewall itself, for whoever asks at one of its doors. */
import { errorText, ExitCode, PfwError } from "../errors.ts";
import type { Lifelines } from "../net/lifelines.ts";
import { sessionsToKeep, type SshSession } from "../net/ssh_sessions.ts";
import type { StagedFile } from "../atomic_file.ts";
import { type ConfigChange, editConfig, type Edited } from "../policy/config_edit.ts";
import type { ConfigReader } from "../policy/config_file.ts";
import { type PendingChange, PendingFile, secondsLeft } from "../policy/pending_change.ts";
import type { PolicyHistory } from "../policy/policy_history.ts";
import { confirmChange, returnNow } from "../policy/return_change.ts";
import { type ChangeRequest, SafeChange } from "../policy/safe_change.ts";
import type { ConfigDraft } from "../policy/schema.ts";
import type { ReloadAnswer, Reloaded, ReloadRequest } from "./client.ts";
import type { Mode, RunningLifelines } from "./status.ts";

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

/** What changes are made under; `DaemonSafety` is one. */
export interface EditSafety {
  readonly dataDir: string;
  readonly history: PolicyHistory;
  /** With the mode: what nobody enforces cuts nobody. */
  lifelinesSoon(): Promise<RunningLifelines>;
}

/** A change that is about to be written. */
export interface WrittenChange extends Pick<ConfigChange, "config" | "after"> {
  readonly file: StagedFile;
}

/** Whom it asks. */
export interface ConfigEditParts {
  /** Reads the configuration; the same one that `reload` reads with. */
  readonly reader: ConfigReader;
  readonly safety: EditSafety;
  readonly mode: () => Mode;
  /** Told that a policy will be put in force at once. */
  readonly expectChange: () => void;
  /** Returns once the kernel enforces what the file says, or what it says from then on. */
  readonly reload: (request: ReloadRequest, change?: WrittenChange) => Promise<Reloaded>;
  /** Told when a change waits, and when none does any more. */
  readonly pendingChanged: () => void;
}

/** What was made of a change, and the safety under which it was. */
export interface Made<T> {
  readonly edited: Edited<T>;
  readonly safe: SafeChange;
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
   * Makes one change for somebody at the dashboard.
   *
   * @param command for the history, e.g. `rules add "No SMTP"`
   * @throws PfwError with file and kernel as they were; a CutError where it would cut a lifeline
   */
  async change(
    command: string,
    { force = false, confirm }: ChangeManner,
    change: Change,
  ): Promise<ChangeAnswer> {
    const request = { command, user: "dashboard", force, confirm };
    const { edited, safe } = await this.make(request, undefined, change);
    return {
      done: edited.value,
      changed: edited.changed,
      inKernel: this.#parts.mode() === "enforce",
      milliseconds: Number(edited.milliseconds.toFixed(1)),
      pending: await this.pending(),
      notices: safe.notices,
    };
  }

  /**
   * Makes one change, in the file and in the kernel, as a command would.
   *
   * @param session the SSH session that it was asked for in
   * @throws as `change`
   */
  async make<T>(
    request: ChangeRequest,
    session: SshSession | undefined,
    change: (draft: ConfigDraft) => T,
  ): Promise<Made<T>> {
    const { reader, safety } = this.#parts;
    const { command, user } = request;
    let lifelines: Promise<Lifelines> | undefined;
    const safe = new SafeChange({
      ...request,
      dataDir: safety.dataDir,
      history: safety.history,
      isNoted: true,
      lifelines: () => lifelines ?? this.#lifelinesToKeep(session),
      onPending: (pending) => this.onPending(pending),
    });
    const edited = await editConfig(
      { config: reader.file, lock: reader.lock },
      change,
      {
        takeOver: ({ config, after }, file) => {
          const reload = { isJudged: true, command, user };
          return this.#takeOver(reload, { config, after, file }, safe.notices);
        },
      },
      safe,
      {
        read: () => {
          this.#parts.expectChange();
          // They take as long as all else up to the kernel.
          if (!request.force) lifelines = this.#lifelinesToKeep(session);
          lifelines?.catch(() => {});
          return reader.read();
        },
        expect: (written, bytes) => reader.expect(written, bytes),
      },
    );
    if (safe.pending) this.#parts.pendingChanged();
    return { edited, safe };
  }

  /** The change that waits. */
  async pending(): Promise<PendingView | null> {
    const pending = await this.#file.read();
    return pending ? pendingView(pending) : null;
  }

  /** Keeps the change that waits. @throws PfwError where none does */
  async confirm(): Promise<ChangeAnswer> {
    const started = performance.now();
    const kept = await confirmChange(this.#parts.safety.dataDir);
    if (!kept) throw nothingWaits();
    return this.#settled(`kept: ${kept.command}`, started);
  }

  /** Takes the change that waits back, before its time. @throws PfwError where none waits */
  async revert(): Promise<ChangeAnswer> {
    const started = performance.now();
    const returned = await returnNow(
      this.#parts.safety.dataDir,
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
    return new PendingFile(this.#parts.safety.dataDir);
  }

  /** What depends on the network counts only where it is enforced. */
  async #lifelinesToKeep(own: SshSession | undefined): Promise<Lifelines> {
    const { mode, ...running } = await this.#parts.safety.lifelinesSoon();
    if (mode === "enforce") return { ...running, sessions: sessionsToKeep(own, running.sessions) };
    return { sessions: own ? [own] : [], gateways: [], resolvers: [], own: [] };
  }

  async #takeOver(
    request: ReloadRequest,
    change: WrittenChange,
    notices: string[],
  ): Promise<ReloadAnswer> {
    try {
      const { summary, notice } = await this.#parts.reload(request, change);
      if (notice !== undefined) notices.push(notice);
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
