/**
 * The command line as a tree of words. A command's code is loaded only when it is called, so
 * `pfw rules list` does not pay for the daemon.
 */
import type { Command } from "commander";
import { registerCompletion } from "./commands/completion.ts";
import { registerBans } from "./commands/bans.ts";
import { registerExplain } from "./commands/explain.ts";
import { registerInstall } from "./commands/install.ts";
import { registerLists } from "./commands/lists.ts";
import { registerMan } from "./commands/man.ts";
import { registerObserve } from "./commands/observe.ts";
import { registerOldWords, registerRules } from "./commands/rules.ts";
import { registerService } from "./commands/service.ts";
import { registerThreats } from "./commands/threats.ts";
import { inheritSettings, rootCommand } from "./root_command.ts";

/** Builds the whole tree. */
export function buildProgram(): Command {
  const program = rootCommand();
  registerService(program);
  registerRules(program);
  registerOldWords(program);
  registerLists(program);
  registerBans(program);
  registerThreats(program);
  registerObserve(program);
  registerExplain(program);
  registerInstall(program);
  registerCompletion(program);
  registerMan(program);
  return inheritSettings(program);
}
