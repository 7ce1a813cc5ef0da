/**
 * What a change of the configuration must pass, and what it leaves behind: it cuts no lifeline
 * unasked, it waits for its confirmation where that was asked for, and the history has it.
 */
import { errorText, PfwError } from "../errors.ts";
import type { Lifelines } from "../net/lifelines.ts";
import { buildPolicy } from "./build_policy.ts";
import { checkConfig } from "./config.ts";
import type { ConfigChange, EditGuard } from "./config_edit.ts";
import { CutError } from "./cut_error.ts";
import { findCuts, newCuts } from "./cuts.ts";
import { bootTime, type PendingChange, PendingFile, secondsLeft } from "./pending_change.ts";
import { hashOf, PolicyHistory } from "./policy_history.ts";
import type { Policy } from "./policy.ts";

/** Who makes a change, and how. */
export interface ChangeRequest {
  /** For the history, e.g. `rules remove 3`. */
  readonly command: string;
  readonly user: string;
  /** Cuts lifelines where it must. */
  readonly force: boolean;
  /** Seconds after which it returns unless confirmed; absent: it stays. */
  readonly confirm?: number;
}

/** What a change works with. */
export interface SafeChangeParts extends ChangeRequest {
  readonly dataDir: string;
  /** The history of that directory, where somebody has it already. */
  readonly history?: PolicyHistory;
  /** Whoever takes the change over adds it to the history. */
  readonly isNoted?: boolean;
  /** What must not be cut; asked where the change is not forced. */
  readonly lifelines: () => Lifelines | Promise<Lifelines>;
  /** Called once a return is on disk, before anything changes: starts who watches over it. */
  readonly onPending?: (change: PendingChange) => void;
}

/** One change; `editConfig` asks it. */
export class SafeChange implements EditGuard {
  readonly #parts: SafeChangeParts;
  readonly #file: PendingFile;
  readonly #history: PolicyHistory;
  /** What waits for its confirmation because of this change. */
  pending: PendingChange | undefined;
  /** What went wrong without making the change wrong. */
  readonly notices: string[] = [];

  constructor(parts: SafeChangeParts) {
    this.#parts = parts;
    this.#file = new PendingFile(parts.dataDir);
    this.#history = parts.history ?? new PolicyHistory(parts.dataDir);
  }

  /** @throws PfwError (exit 1) when another change waits, or this one would cut a lifeline */
  async prepare(change: ConfigChange): Promise<void> {
    await this.#requireNonePending(change);
    if (!this.#parts.force) await this.#requireLifelines(change);
    if (this.#parts.confirm !== undefined) await this.#notePending(change, this.#parts.confirm);
    if (change.before !== undefined) await this.#remember(change.before, "as it was found", "");
  }

  async keep({ after }: ConfigChange): Promise<void> {
    const { command, user, isNoted } = this.#parts;
    if (!isNoted) await this.#remember(after, command, user);
  }

  async #remember(text: string, command: string, user: string): Promise<void> {
    try {
      await this.#history.add(text, command, user);
    } catch (error) {
      this.notices.push(errorText(error));
    }
  }

  async undo(): Promise<void> {
    if (this.pending) await this.#file.remove();
    this.pending = undefined;
  }

  /** One change at a time waits: what would return with which is then never in question. */
  async #requireNonePending({ after }: ConfigChange): Promise<void> {
    const pending = await this.#file.read();
    if (!pending) return;
    const isAgain = this.#parts.confirm === undefined && pending.after === await hashOf(after);
    if (isAgain) return;
    const left = Math.ceil(secondsLeft(pending));
    throw new PfwError(
      "cannot make this change",
      `\`${pending.command}\` still waits to be confirmed (${left} s left)`,
      "keep that one with `pfw rules confirm`, or let its time run out",
    );
  }

  async #requireLifelines({ before, config }: ConfigChange): Promise<void> {
    const lifelines = await this.#parts.lifelines();
    const cuts = findCuts(buildPolicy(config), lifelines);
    if (cuts.length === 0) return;
    const known = await this.#policyBefore(before);
    const added = newCuts(cuts, known ? findCuts(known, lifelines) : []);
    if (added.length > 0) throw new CutError("cannot make this change", added);
  }

  /** What is in force, as far as the history tells; the file may have been edited since. */
  async #policyBefore(before: string | undefined): Promise<Policy | undefined> {
    const newest = await this.#history.newest().catch(() => undefined);
    const text = newest && await this.#history.text(newest.number).catch(() => undefined);
    const checked = checkConfig(text ?? before ?? "");
    return checked.ok ? buildPolicy(checked.config) : undefined;
  }

  async #notePending({ file, before, after }: ConfigChange, seconds: number): Promise<void> {
    if (before === after) return;
    if (before === undefined) {
      throw new PfwError(
        "cannot make this change for now only",
        "the policy before it is not known",
        "leave --confirm out",
      );
    }
    const { dataDir, command, user, onPending } = this.#parts;
    const now = bootTime();
    const pending: PendingChange = {
      id: crypto.randomUUID(),
      config: file,
      command,
      user,
      at: new Date().toISOString(),
      seconds,
      until: { boot: now.boot, seconds: now.seconds + seconds },
      before,
      after: await hashOf(after),
    };
    try {
      await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
      await this.#file.write(pending);
    } catch (error) {
      throw new PfwError(
        "cannot make this change for now only",
        `what must return cannot be noted in ${dataDir}: ${errorText(error)}`,
        "nothing was changed",
        undefined,
        { cause: error },
      );
    }
    this.pending = pending;
    onPending?.(pending);
  }
}
