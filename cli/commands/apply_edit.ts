/** Runs a change of the configuration for a command, and says what became of it. */
import { ask, reload } from "../../engine/control/client.ts";
import { putInForce } from "../../engine/control/put_in_force.ts";
import type { RunningLifelines } from "../../engine/control/status.ts";
import { errorText } from "../../engine/errors.ts";
import { findOwnSession, type Lifelines } from "../../engine/net/lifelines.ts";
import { sessionsToKeep } from "../../engine/net/ssh_sessions.ts";
import type { Paths } from "../../engine/paths.ts";
import { editConfig, type Edited } from "../../engine/policy/config_edit.ts";
import type { PendingChange } from "../../engine/policy/pending_change.ts";
import { returnIfDue } from "../../engine/policy/return_change.ts";
import { SafeChange } from "../../engine/policy/safe_change.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";
import { isRunDirectoryHeld } from "../../engine/run_files.ts";
import type { ChangingContext } from "../context.ts";
import { warn } from "../output.ts";
import { startReturnGuard } from "./return_guard.ts";

/** A change, and what returns unless it is confirmed. */
export interface Applied<T> extends Edited<T> {
  readonly pending: PendingChange | undefined;
}

/** Changes the configuration of this context; a running pfw takes it over before this returns. */
export function applyEdit<T>(
  context: ChangingContext,
  change: (draft: ConfigDraft) => T,
): Promise<Applied<T>> {
  const file = context.paths.config;
  return applySafely(context, (guard, reload) => editConfig(file, change, reload, guard));
}

/** Makes any change of the configuration under the safety that the command line asks for. */
export async function applySafely<T>(
  { paths, request }: ChangingContext,
  make: (guard: SafeChange, reloadRunning: () => ReturnType<typeof reload>) => Promise<Edited<T>>,
): Promise<Applied<T>> {
  await returnOverdue(paths);
  const { command, user } = request;
  const safe = new SafeChange({
    ...request,
    dataDir: paths.dataDir,
    lifelines: await lifelinesToKeep(paths),
    onPending: (pending) => startReturnGuard(paths, pending),
  });
  const edited = await make(safe, async () => {
    const config = await Deno.realPath(paths.config);
    return await reload(paths, { config, isJudged: true, command, user });
  });
  for (const notice of safe.notices) warn(notice);
  return { ...edited, pending: safe.pending };
}

/** Takes back what waited in vain, before anything new begins; says so. */
export async function returnOverdue(paths: Paths): Promise<void> {
  try {
    const returned = await returnIfDue(paths.dataDir, (config) => putInForce(paths, config));
    if (returned) {
      warn(`\`${returned.command}\` was not confirmed in time: the policy before it is back`);
    }
  } catch (error) {
    // Whoever may not read that may not change anything either, and the command says so itself.
    if (error instanceof Deno.errors.PermissionDenied) return;
    warn(`cannot take back a change that was not confirmed: ${errorText(error)}`);
  }
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
