/**
 * As much of the tree as a command line needs: making all of it takes a third of the time of a
 * short command.
 */
import type { Command } from "commander";
import { registerOldWords, registerRules } from "./commands/rules.ts";
import { inheritSettings, rootCommand } from "./root_command.ts";

/** @param second the word that follows, which may be the only one of a group that is needed */
type Register = (program: Command, second?: string) => void;

const rules = () => Promise.resolve(registerRules);
const oldWords = () => Promise.resolve(registerOldWords);
const lists = async () => (await import("./commands/lists.ts")).registerLists;
const bans = async () => (await import("./commands/bans.ts")).registerBans;
const threats = async () => (await import("./commands/threats.ts")).registerThreats;
const observe = async () => (await import("./commands/observe.ts")).registerObserve;
const explain = async () => (await import("./commands/explain.ts")).registerExplain;
const service = async () => (await import("./commands/service.ts")).registerService;

/** By first word. The others need the whole tree, or are called once in a machine's life. */
const GROUPS: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ["rules", rules],
  ["list", oldWords],
  ["add", oldWords],
  ["remove", oldWords],
  ["toggle", oldWords],
  ["blacklist", lists],
  ["whitelist", lists],
  ["bans", bans],
  ["threats", threats],
  ["logs", observe],
  ["stats", observe],
  ["explain", explain],
  ["start", service],
  ["status", service],
  ["dashboard", service],
  ["stop", service],
  ["reload", service],
  ["cleanup", service],
  ["doctor", service],
  ["--version", () => Promise.resolve(() => {})],
]);

/** The tree for this command line: the one group that its first word names, or all of it. */
export async function programFor([first, second]: readonly string[]): Promise<Command> {
  const load = GROUPS.get(first);
  if (!load) return (await import("./program.ts")).buildProgram();
  const program = rootCommand();
  (await load())(program, second);
  return inheritSettings(program);
}
