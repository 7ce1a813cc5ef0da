/** `pfw reload`: the running pfw takes over the configuration as it was edited by hand. */
import { resolve } from "node:path";
import { reload, type ReloadAnswer } from "../../engine/control/client.ts";
import type { RunningLifelines } from "../../engine/control/status.ts";
import { PfwError } from "../../engine/errors.ts";
import { withLock } from "../../engine/atomic_file.ts";
import type { ConfigChange } from "../../engine/policy/config_edit.ts";
import { readConfigFile } from "../../engine/policy/config_file.ts";
import { PolicyHistory } from "../../engine/policy/policy_history.ts";
import type { SafeChange } from "../../engine/policy/safe_change.ts";
import type { ChangingContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import { applySafely } from "./apply_edit.ts";
import { askRunning } from "./ask_running.ts";
import { confirmFields, printConfirm } from "./print_edited.ts";

/** Has the running pfw read its configuration again. */
export async function reloadRunning(context: ChangingContext): Promise<void> {
  const running = await askRunning<RunningLifelines>(context.paths, "GET", "/lifelines");
  if (!running) throw notRunning();
  // It may use another configuration than this command would.
  const { config, dataDir } = running;
  const theirs = { ...context, paths: { ...context.paths, config, dataDir } };
  const { pending, value: summary } = await applySafely(theirs, async (guard) => {
    const answer = await withLock(config, () => reloadGuarded(theirs, guard));
    return { value: answer.summary, changed: true, answer, milliseconds: 0 };
  });
  const confirm = pending ? { confirm: confirmFields(pending) } : {};
  if (context.json) return printJson({ reloaded: true, summary, ...confirm });
  print(`reloaded: ${summary}`);
  if (pending) printConfirm(pending);
}

function notRunning(): PfwError {
  return new PfwError("cannot reload", "pfw is not running", "start it with: sudo pfw start");
}

type Reloaded = Extract<ReloadAnswer, { ok: true }>;

async function reloadGuarded(
  { paths, request: { command, user } }: ChangingContext,
  guard: SafeChange,
): Promise<Reloaded> {
  const change = await readChange(paths.config, paths.dataDir);
  if (change) await guard.prepare(change);
  try {
    const answer = await reload(paths, { isJudged: change !== undefined, command, user });
    if (!answer.running) throw notRunning();
    if (!answer.ok) throw refused(answer);
    if (change) await guard.keep(change);
    return answer;
  } catch (error) {
    await guard.undo();
    throw error;
  }
}

/** What the file changes; `undefined` for a file that the running pfw will refuse with its reason. */
async function readChange(file: string, dataDir: string): Promise<ConfigChange | undefined> {
  const history = new PolicyHistory(dataDir);
  const newest = await history.newest();
  const before = newest && await history.text(newest.number).catch(() => undefined);
  try {
    const { text: after, config } = await readConfigFile(file);
    return { file: resolve(file), before, after, config };
  } catch {
    return undefined;
  }
}

function refused({ error, exitCode }: Extract<ReloadAnswer, { ok: false }>): PfwError {
  return new PfwError("reload refused, the running policy stays", error, "", exitCode);
}
