/** The changes that commands have the running pfw make: the same way as they would themselves. */
import type { ReloadAnswer, ReloadRequest } from "./control/client.ts";
import type { EditAnswer, EditRequest } from "./control/edit_by_running.ts";
import type { DaemonSafety } from "./daemon_safety.ts";
import { errorText, ExitCode, PfwError } from "./errors.ts";
import type { Lifelines } from "./net/lifelines.ts";
import { sessionsToKeep, type SshSession } from "./net/ssh_sessions.ts";
import { editConfig } from "./policy/config_edit.ts";
import type { ConfigReader } from "./policy/config_file.ts";
import { performEdit } from "./policy/edits.ts";
import { SafeChange } from "./policy/safe_change.ts";

/** What it works with. */
export interface EditParts {
  /** Reads the configuration; the same one that `reload` reads with. */
  readonly reader: ConfigReader;
  readonly safety: DaemonSafety;
  /** Returns once the kernel enforces what the file says. */
  readonly reload: (request: ReloadRequest) => Promise<string>;
}

/** Makes changes under the lock of the file, as every command does. */
export class DaemonEdits {
  readonly #parts: EditParts;

  constructor(parts: EditParts) {
    this.#parts = parts;
  }

  /** See `Editing.edit`; throws as the change does, and what it threw changed nothing. */
  async edit(request: EditRequest, isGone: () => boolean): Promise<EditAnswer | undefined> {
    const { reader, safety } = this.#parts;
    const { name, input, command, user, force, session } = request;
    if (!await this.#isOurs(request)) return undefined;
    const safe = new SafeChange({
      command,
      user,
      force,
      dataDir: safety.dataDir,
      history: safety.history,
      lifelines: () => this.#lifelinesToKeep(session),
    });
    const edited = await editConfig(
      reader.file,
      (draft) => {
        // It may have waited long for its turn: nothing is changed that nobody hears of.
        if (isGone()) throw new PfwError("cannot make this change", "whoever asked has gone");
        return performEdit(draft, name, input);
      },
      () => this.#reload({ isJudged: true, command, user }),
      safe,
      reader,
    );
    return { ...edited, notices: safe.notices };
  }

  async #isOurs({ config, dataDir }: EditRequest): Promise<boolean> {
    const { reader, safety } = this.#parts;
    return config === await Deno.realPath(reader.file) &&
      dataDir === await Deno.realPath(safety.dataDir);
  }

  /** What depends on the network counts only where it is enforced. */
  #lifelinesToKeep(own: SshSession | undefined): Lifelines {
    const { mode, ...running } = this.#parts.safety.lifelines();
    if (mode === "enforce") return { ...running, sessions: sessionsToKeep(own, running.sessions) };
    return { sessions: own ? [own] : [], gateways: [], resolvers: [], own: [] };
  }

  async #reload(request: ReloadRequest): Promise<ReloadAnswer> {
    const { safety, reload } = this.#parts;
    try {
      return { running: true, ok: true, summary: await reload(request), mode: safety.mode };
    } catch (error) {
      const exitCode = error instanceof PfwError ? error.exitCode : ExitCode.failed;
      return { running: true, ok: false, error: errorText(error), exitCode };
    }
  }
}
