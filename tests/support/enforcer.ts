/** An enforcer that works in a namespace of a test. */
import { join } from "node:path";
import type { CommandOutput, Commands } from "../../engine/kernel/command.ts";
import { runOrThrow } from "../../engine/kernel/command.ts";
import type { KernelCounters } from "../../engine/kernel/counters.ts";
import { Enforcer } from "../../engine/kernel/enforcer.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import type { NetworkNamespace } from "./netns.ts";

/** NFLOG group of the tests. */
export const NFLOG_GROUP = 77;

const REMOVE_TABLES = new URL("./remove_tables.ts", import.meta.url).pathname;

/** Each call is what one more process of pfw would be; they share the state file. */
export function enforcerIn(
  namespace: NetworkNamespace,
  directory: string,
  commands: Commands = namespace.commands,
  log: string[] = [],
): Enforcer {
  return new Enforcer({
    commands,
    nflogGroup: NFLOG_GROUP,
    stateFile: join(directory, "tables.json"),
    log: (message) => log.push(message),
    removeTables: async (keys) => {
      if (keys.length === 0) return;
      const argv = [Deno.execPath(), "run", "--allow-all", REMOVE_TABLES, JSON.stringify(keys)];
      await runOrThrow(namespace.commands, argv);
    },
  });
}

/** As a running pfw puts a policy in place: what nobody waits for comes later. */
export async function inHaste(enforcer: Enforcer, wanted: Policy): Promise<void> {
  await enforcer.applyFirst(wanted);
  await enforcer.settled();
}

/** Packets that were dropped by a rule, told by its id, or for another reason. */
export function dropped(counters: KernelCounters, key: string): number {
  return counters.drops.filter(({ reason, ruleId }) => (ruleId ?? reason) === key)
    .reduce((sum, { packets }) => sum + packets, 0);
}

/** Does something once, right before what is written into the kernel holds a text. */
export class Interrupted implements Commands {
  isOver = false;

  constructor(
    private readonly inner: Commands,
    private readonly text: string,
    private readonly act: () => Promise<unknown>,
  ) {}

  async run(argv: readonly string[], stdin?: string | Iterable<string>): Promise<CommandOutput> {
    const text = stdin === undefined ? undefined : Array.from(stdin).join("");
    if (!this.isOver && text?.includes(this.text)) {
      this.isOver = true;
      await this.act();
    }
    return await this.inner.run(argv, text);
  }
}

/** Makes one of the commands that change the kernel fail, and remembers all of them. */
export class FaultyCommands implements Commands {
  /** Commands that change something, in order. */
  readonly changes: (readonly string[])[] = [];
  /** Index into the changes of the one that fails; -1: none. */
  failAt = -1;
  /** Whether the failing command does its work before it fails. */
  afterRunning = false;
  /** Whether nothing runs any more after the failing command: the process was killed there. */
  fatal = false;
  #dead = false;

  constructor(private readonly inner: Commands) {}

  async run(argv: readonly string[], stdin?: string | Iterable<string>): Promise<CommandOutput> {
    if (this.#dead) return { status: 137, stdout: "", stderr: "killed by a test\n" };
    if (!/restore$|destroy/.test(`${argv[0]} ${argv[1] ?? ""}`.replace(/ -.*/, ""))) {
      return await this.inner.run(argv, stdin);
    }
    const at = this.changes.push(argv) - 1;
    if (at !== this.failAt) return await this.inner.run(argv, stdin);
    this.#dead = this.fatal;
    if (this.afterRunning) await this.inner.run(argv, stdin);
    return { status: 1, stdout: "", stderr: "made to fail by a test\n" };
  }
}

/**
 * While it is on, what stands in for chains of `filter` stays, as where deleting the old ones fails.
 * `raw` is settled, so that it asks the lists of the new policy alone.
 */
export class Unsettled implements Commands {
  isOn = false;

  constructor(private readonly inner: Commands) {}

  async run(argv: readonly string[], stdin?: string | Iterable<string>): Promise<CommandOutput> {
    const isSettling = typeof stdin === "string" && stdin.includes("-X PFW-NEXT-");
    if (!this.isOn || !isSettling) return await this.inner.run(argv, stdin);
    await this.inner.run(argv, stdin.slice(0, stdin.indexOf("*filter")));
    return { status: 1, stdout: "", stderr: "made to fail by a test\n" };
  }
}
