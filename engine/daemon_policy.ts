/** Changes of what the running firewall enforces: one after another, whole or not at all. */
import type { Reloaded, ReloadRequest } from "./control/client.ts";
import type { WrittenChange } from "./control/config_edits.ts";
import { type Mode, summarizePolicy } from "./control/status.ts";
import type { DaemonEnforcement } from "./daemon_enforcement.ts";
import type { DaemonIntel } from "./daemon_intel.ts";
import type { DaemonListeners } from "./daemon_listeners.ts";
import type { DaemonSafety } from "./daemon_safety.ts";
import type { DaemonWatch } from "./daemon_watch.ts";
import type { DropPrefixes } from "./drop_prefixes.ts";
import { errorText, PfwError } from "./errors.ts";
import type { MemoryKeeper } from "./memory.ts";
import type { AppLog } from "./observe/application_log.ts";
import { buildPolicy } from "./policy/build_policy.ts";
import { type ConfigReader, fileError } from "./policy/config_file.ts";
import type { Matcher } from "./policy/matcher.ts";
import type { Policy } from "./policy/policy.ts";
import type { Config } from "./policy/schema.ts";
import type { Recorder } from "./recorder.ts";

/** Whom a change concerns. */
export interface PolicyParts {
  /** Reads the configuration. */
  readonly reader: ConfigReader;
  readonly log: AppLog;
  readonly matcher: Matcher;
  readonly enforcement: DaemonEnforcement;
  readonly watch: DaemonWatch;
  readonly recorder: Recorder;
  readonly intel: DaemonIntel;
  readonly prefixes: DropPrefixes;
  readonly safety: DaemonSafety;
  readonly memory: MemoryKeeper;
  readonly listeners: DaemonListeners;
  /** Takes over what the configuration says beside the policy. */
  readonly useConfig: (config: Config) => void;
}

/** Puts policies in force. */
export class DaemonPolicy {
  readonly #parts: PolicyParts;
  #changes: Promise<unknown> = Promise.resolve();
  #isEnding = false;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  /**
   * Reads the configuration again; the running policy stays where it is refused.
   *
   * @param change is about to be written: it takes its place in the file when the kernel has it
   */
  reload(request: ReloadRequest = {}, change?: WrittenChange): Promise<Reloaded> {
    const next = this.#oneAfterAnother(() => this.#reload(request, change));
    next.catch((error) => {
      const why = errorText(error);
      this.#parts.log.error(`reload refused, the running policy stays: ${why}`);
    });
    return next;
  }

  /**
   * Begins or ends enforcing; until the next start, which decides anew.
   *
   * @param force also where the policy cuts what the operator depends on
   * @returns false where it is so already
   */
  setMode(mode: Mode, force = false): Promise<boolean> {
    return this.#oneAfterAnother(async () => {
      const { enforcement, watch, recorder, intel, matcher, listeners } = this.#parts;
      const users = { watch, recorder, bans: intel.bans };
      const isChanged = await enforcement.change(mode, users, matcher.policy, force);
      if (isChanged) listeners.changed("mode");
      return isChanged;
    });
  }

  /** Has kernel and matcher take over the threats as they are now. */
  takeOverThreats(): Promise<void> {
    return this.#oneAfterAnother(() => this.#takeOverThreats());
  }

  /**
   * Waits for what is under way, and begins nothing more: what comes into the kernel behind the
   * back of the end would stay there for good.
   */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#changes;
  }

  #oneAfterAnother<T>(change: () => Promise<T>): Promise<T> {
    const next = this.#changes.then(() => {
      if (this.#isEnding) throw new PfwError("cannot change anything", "pfw is stopping");
      return change();
    });
    this.#changes = next.catch(() => {});
    return next;
  }

  async #reload(request: ReloadRequest, change?: WrittenChange): Promise<Reloaded> {
    const { matcher, safety, prefixes, watch, log, listeners } = this.#parts;
    const started = performance.now();
    const { config, text } = change
      ? { config: change.config, text: change.after }
      : await this.#parts.reader.read();
    const policy = buildPolicy(config, { threats: matcher.policy.threats });
    if (!request.isJudged) safety.checkReload(policy, matcher.policy);
    // The names first: reports under the new policy may come before the next line runs.
    const details = prefixes.ruleDetails(policy);
    await this.#putInForce(policy, change);
    matcher.replacePolicy(policy);
    watch.pipeline.setRuleDetails(details);
    this.#parts.useConfig(config);
    const problem = await this.#takeOverFeeds(config, policy);
    await safety.note(text, request, change !== undefined);
    this.#parts.memory.loaded();
    const milliseconds = Math.round(performance.now() - started);
    const summary = `${summarizePolicy(policy)} (${milliseconds} ms)`;
    log.info(`reloaded: ${summary}`);
    listeners.changed("config");
    if (problem === undefined) return { summary };
    return { summary, notice: `the feeds' threats are as before: ${problem}` };
  }

  /** Kernel and file at once: the disk takes as long as the kernel does. Both or neither. */
  async #putInForce(policy: Policy, change: WrittenChange | undefined): Promise<void> {
    const { matcher, enforcement: { guard } } = this.#parts;
    const onDisk = change?.file.sync();
    onDisk?.catch(() => {});
    await guard?.apply(policy);
    try {
      await onDisk;
      change?.file.place();
    } catch (error) {
      const { what, why, next, exitCode } = fileError("cannot write the configuration", error);
      const failure = await guard?.apply(matcher.policy).then(() => undefined, errorText);
      if (failure === undefined) throw new PfwError(what, why, next, exitCode);
      const both = `${why}; the kernel keeps the change all the same: ${failure}`;
      throw new PfwError(what, both, "run `pfw reload`", exitCode);
    }
  }

  /**
   * Other feeds may make other threats. The policy is in force and in its file by then, so what goes
   * wrong here is no reason to call the change refused: it is said, and tried again.
   *
   * @returns what went wrong, in words
   */
  async #takeOverFeeds(config: Config, policy: Policy): Promise<string | undefined> {
    const { intel } = this.#parts;
    try {
      await intel.configure(config, policy);
      if (intel.threats.list !== policy.threats) await this.#takeOverThreats();
      else intel.threats.enforced(policy.threats);
    } catch (error) {
      return intel.threats.refused(error);
    }
  }

  async #takeOverThreats(): Promise<void> {
    const { matcher, intel, enforcement, memory } = this.#parts;
    const { list } = intel.threats;
    const next = { ...matcher.policy, threats: list };
    await enforcement.guard?.apply(next);
    matcher.replacePolicy(next);
    intel.threats.enforced(list);
    memory.loaded();
  }
}
