/** Runs a change of the configuration for a command, and says what became of it. */
import { ask, reload } from "../../engine/control/client.ts";
import type { RunningLifelines } from "../../engine/control/status.ts";
import { findOwnSession, type Lifelines } from "../../engine/net/lifelines.ts";
import { sessionsToKeep } from "../../engine/net/ssh_sessions.ts";
import type { Paths } from "../../engine/paths.ts";
import { editConfig, type Edited } from "../../engine/policy/config_edit.ts";
import type { PendingChange } from "../../engine/policy/pending_change.ts";
import { SafeChange } from "../../engine/policy/safe_change.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";
import { isRunDirectoryHeld } from "../../engine/run_lock.ts";
import type { ChangingContext } from "../context.ts";
import { warn } from "../output.ts";
import { startReturnGuard } from "./return_guard.ts";
import { returnOverdue } from "./return_overdue.ts";

/** A change, and what returns unless it is confirmed. */
export interface Applied<T> extends Edited<T> {
  readonly pending: PendingChange | undefined;
}

/** Changes the configuration of this context; a running pfw takes it over before this returns. */
export function applyEdit<T>(
  context: ChangingContext,
  change: (draft: ConfigDraft) => T,
): Promise<Applied<T>> {
  const { paths } = context;
  return applySafely(context, (guard, reload) => editConfig(paths, change, reload, guard));
}

/** Makes any change of the configuration under the safety that the command line asks for. */
export async function applySafely<T>(
  { paths, request }: ChangingContext,
  make: (guard: SafeChange, reloadRunning: () => ReturnType<typeof reload>) => Promise<Edited<T>>,
): Promise<Applied<T>> {
  await returnOverdue(paths);
  const { command, user } = request;
  const lifelines = await lifelinesToKeep(paths);
  const safe = new SafeChange({
    ...request,
    dataDir: paths.dataDir,
    lifelines: () => lifelines,
    onPending: (pending) => startReturnGuard(paths, pending),
  });
  const edited = await make(safe, async () => {
    const config = await Deno.realPath(paths.config);
    return await reload(paths, { config, isJudged: true, command, user });
  });
  const { notice } = edited.answer?.running ? edited.answer : {};
  for (const each of [...safe.notices, ...(notice === undefined ? [] : [notice])]) warn(each);
  return { ...edited, pending: safe.pending };
}

/**
 * What this change must not cut. The running pfw tells what its network depends on; where nothing
 * is enforced, only the session that the command comes from counts.
 */
async function lifelinesToKeep(paths: Paths): Promise<Lifelines> {
  const own = findOwnSession();
  const running = await askLifelines(paths);
  if (running?.mode !== "enforce") {
    return { sessions: own ? [own] : [], gateways: [], resolvers: [], own: [] };
  }
  return { ...running, sessions: sessionsToKeep(own, running.sessions) };
}

/** What the running pfw says; `undefined` where none runs. */
export async function askLifelines(paths: Paths): Promise<RunningLifelines | undefined> {
  if (!isRunDirectoryHeld(paths)) return undefined;
  const answer = await ask<RunningLifelines>(paths, "GET", "/lifelines");
  return answer?.status === 200 ? answer.body : undefined;
}
