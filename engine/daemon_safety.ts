/**
 * The running firewall's part in safe changes: it judges what nobody has judged before it, keeps
 * the history, and takes back a change whose time to be confirmed has run out.
 */
import type { ReloadRequest } from "./control/client.ts";
import type { Mode, RunningLifelines } from "./control/status.ts";
import { errorText, PfwError } from "./errors.ts";
import { findLifelines, findLifelinesSoon, type Lifelines } from "./net/lifelines.ts";
import type { Viewers } from "./net/viewers.ts";
import type { AppLog } from "./observe/application_log.ts";
import type { Paths } from "./paths.ts";
import { CutError } from "./policy/cut_error.ts";
import { findCuts, newCuts } from "./policy/cuts.ts";
import { PendingFile, secondsLeft } from "./policy/pending_change.ts";
import { PolicyHistory } from "./policy/policy_history.ts";
import type { Policy } from "./policy/policy.ts";
import { returnIfDue } from "./policy/return_change.ts";

/** Seconds between two attempts to take a change back. */
const RETRY = 5;

/** What to do where enforcing would cut; nothing that begins so can return by itself. */
const START_NEXT = "if you mean it, start with --force; --monitor only looks on",
  ENFORCE_NEXT = "mend the policy, or force it if you mean it";

/** What it works with. */
export interface SafetyParts {
  readonly paths: Paths;
  readonly log: AppLog;
  readonly viewers: Viewers;
  /** Applies what the file says. */
  readonly reload: () => Promise<unknown>;
}

/** Who starts pfw, and how. */
export interface StartManner {
  /** Somebody sits before it, who can repeat the command with `--force`. */
  readonly isAttended?: boolean;
  readonly force?: boolean;
}

/** Watches over changes while pfw runs. */
export class DaemonSafety {
  readonly #parts: SafetyParts;
  readonly #pending: PendingFile;
  readonly history: PolicyHistory;
  #pause = 0;
  #returning: Promise<void> | undefined;
  /** What whoever started pfw should know, a line each. */
  readonly warnings: string[] = [];

  /** @param mode only what is enforced can cut */
  constructor(parts: SafetyParts, public mode: Mode) {
    this.#parts = parts;
    this.#pending = new PendingFile(parts.paths.dataDir);
    this.history = new PolicyHistory(parts.paths.dataDir);
  }

  get dataDir(): string {
    return this.#parts.paths.dataDir;
  }

  /**
   * Warns of what the policy cuts. A machine that boots must not stay unprotected for it; only
   * somebody who would cut the session that they sit in is asked first.
   *
   * @throws PfwError when that is so
   */
  checkStart(policy: Policy, { isAttended, force }: StartManner): void {
    if (this.mode !== "enforce") return;
    const lifelines = this.#find();
    const sessions = { ...lifelines, gateways: [], resolvers: [] };
    const cutSessions = isAttended && !force ? findCuts(policy, sessions) : [];
    if (cutSessions.length > 0) throw new CutError("cannot start", cutSessions, START_NEXT);
    for (const { lifeline, by } of findCuts(policy, lifelines)) {
      const warning = `${by} cuts ${lifeline}`;
      this.warnings.push(warning);
      this.#parts.log.warn(warning);
    }
  }

  /** @throws PfwError when the policy, which nobody enforces yet, would cut a lifeline */
  checkEnforcing(policy: Policy): void {
    const cuts = findCuts(policy, this.#find());
    if (cuts.length > 0) throw new CutError("cannot begin to enforce", cuts, ENFORCE_NEXT);
  }

  /** @throws PfwError when the policy would cut what the running one does not */
  checkReload(policy: Policy, running: Policy): void {
    if (this.mode !== "enforce") return;
    const lifelines = this.#find();
    const cuts = findCuts(policy, lifelines);
    if (cuts.length === 0) return;
    const added = newCuts(cuts, findCuts(running, lifelines));
    if (added.length > 0) throw new CutError("cannot reload", added);
  }

  /**
   * Notes in the history what is in force now. That this fails changes nothing in the kernel.
   *
   * @param isAwaited somebody waits for the end of the change: then it is only begun
   */
  async note(
    text: string,
    { command = "reload", user = "" }: ReloadRequest,
    isAwaited = false,
  ): Promise<void> {
    const failed = (error: unknown) => this.#parts.log.error(errorText(error));
    if (isAwaited) await this.history.addSoon(text, command, user, failed);
    else await this.history.add(text, command, user).catch(failed);
  }

  #find(): Lifelines {
    return { ...findLifelines(), viewers: this.#parts.viewers.now() };
  }

  /** What the network of this process depends on. */
  lifelines(): RunningLifelines {
    return this.#running(this.#find());
  }

  /** The same for who has something else to do meanwhile. */
  async lifelinesSoon(): Promise<RunningLifelines> {
    const found = await findLifelinesSoon();
    return this.#running({ ...found, viewers: this.#parts.viewers.now() });
  }

  #running(lifelines: Lifelines): RunningLifelines {
    const { paths: { config, dataDir } } = this.#parts;
    return { ...lifelines, mode: this.mode, config, dataDir };
  }

  /** Called every second: takes a change back whose time has run out. */
  tick(): void {
    if (this.#returning || this.#pause-- > 0 || !this.#pending.exists()) return;
    this.#returning = this.#returnIfDue().finally(() => this.#returning = undefined);
  }

  /** Waits for what `tick` began. */
  async end(): Promise<void> {
    this.#pause = Infinity;
    await this.#returning;
    await this.history.settled();
  }

  async #returnIfDue(): Promise<void> {
    const { log, reload } = this.#parts;
    try {
      const pending = await this.#pending.read();
      if (!pending || secondsLeft(pending) > 0 || !await this.#isOurs(pending.config)) return;
      const returned = await returnIfDue(
        this.#parts.paths.dataDir,
        async () => void await reload(),
      );
      if (returned) log.warn(`not confirmed, the policy before is back: ${returned.command}`);
    } catch (error) {
      this.#pause = RETRY;
      const why = error instanceof PfwError ? error.message : errorText(error);
      log.error(`cannot take back a change that was not confirmed: ${why}`);
    }
  }

  async #isOurs(config: string): Promise<boolean> {
    const [theirs, ours] = await Promise.all(
      [config, this.#parts.paths.config].map((path) => Deno.realPath(path).catch(() => path)),
    );
    return theirs === ours;
  }
}
