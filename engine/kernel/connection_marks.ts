/**
 * Whether connections may be marked here: the kernel can, and nobody else does. Who restores marks
 * of connections into packets would route by ours, and who looks for unmarked connections would
 * miss those that we marked.
 */
import { findProgram } from "../packages.ts";
import type { CommandOutput, Commands } from "./command.ts";
import type { KernelState } from "./kernel_state.ts";
import { usesConnectionMarks } from "./nft_ruleset.ts";
import { isMissingFeature, supportsConnectionMarks } from "./requirements.ts";
import {
  isOurs,
  parseIptablesSave,
  ruleOptions,
  type SavedRule,
  type SavedTables,
} from "./saved_state.ts";

/** Milliseconds between two looks at the rules that `iptables-save` does not show. */
const NATIVE_INTERVAL = 60_000;
/** How many times as long as a look took there is none. */
const NATIVE_SHARE = 200;

/** Asked whenever a policy is put in place, and from time to time. */
export class ConnectionMarks {
  #isSupported: boolean | undefined;
  #hasNativeUser = false;
  #lookedAt: number | undefined;
  #interval = NATIVE_INTERVAL;

  constructor(private readonly commands: Commands) {}

  /**
   * @param state what the kernel holds now
   * @param isHurried what was seen last of other programs' nftables rules will do
   */
  async areFree(state: KernelState, isHurried: boolean): Promise<boolean> {
    const [family] = state.tables.keys();
    if (family === undefined) return false;
    this.#isSupported ??= await supportsConnectionMarks(this.commands, family);
    if (!this.#isSupported || isUsedByOthers(state.tables.values())) return false;
    if (this.#isTimeToLook(isHurried)) await this.#lookAtNative();
    return !this.#hasNativeUser;
  }

  #isTimeToLook(isHurried: boolean): boolean {
    if (this.#lookedAt === undefined) return true;
    return !isHurried && performance.now() - this.#lookedAt > this.#interval;
  }

  /** Where it cannot be seen it is as before; at first they are taken for used. */
  async #lookAtNative(): Promise<void> {
    const started = performance.now();
    const found = await this.#findNativeUser().catch(() => undefined);
    const isFirst = this.#lookedAt === undefined;
    this.#hasNativeUser = found ?? (isFirst || this.#hasNativeUser);
    this.#lookedAt = performance.now();
    // Rules by the ten thousand take long to list.
    this.#interval = Math.max(NATIVE_INTERVAL, (this.#lookedAt - started) * NATIVE_SHARE);
  }

  /** Rules of nftables itself, and of the backend that iptables does not use here. */
  async #findNativeUser(): Promise<boolean | undefined> {
    for (const program of ["iptables-legacy-save", "ip6tables-legacy-save"]) {
      const output = await this.#run([program, "-c"]);
      if (output?.status === 0 && isUsedByOthers([parseIptablesSave(output.stdout)])) return true;
    }
    const output = await this.#run(["nft", "-j", "-t", "list", "ruleset"]);
    if (!output) return false;
    if (output.status === 0) return usesConnectionMarks(output.stdout);
    return isMissingFeature(output.stderr) ? false : undefined;
  }

  /** `undefined` where there is no such program. */
  async #run(argv: readonly string[]): Promise<CommandOutput | undefined> {
    return findProgram(argv[0]) === undefined ? undefined : await this.commands.run(argv);
  }
}

/** Whether a rule of another program reads or writes marks of connections. */
function isUsedByOthers(families: Iterable<SavedTables>): boolean {
  for (const tables of families) {
    for (const table of tables.values()) {
      for (const chain of table.values()) {
        if (!isOurs(chain) && chain.rules.some(usesMarks)) return true;
      }
    }
  }
  return false;
}

/** A comment or another chain may be called so. */
function usesMarks({ text }: SavedRule): boolean {
  if (!/connmark/i.test(text)) return false;
  const options = ruleOptions(text);
  return [...options.get("-m") ?? [], ...options.get("-j") ?? []]
    .some((name) => /^connmark$/i.test(name));
}
