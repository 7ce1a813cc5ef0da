/** Confirming a change that waits, or bringing back what was before it. */
import { createAtomically, replaceAtomically, withLock } from "../atomic_file.ts";
import { type PendingChange, PendingFile, secondsLeft } from "./pending_change.ts";
import { PolicyHistory } from "./policy_history.ts";

/**
 * Puts the policy before back where the time to confirm has run out. Whoever notices calls this,
 * several at once if need be: it happens once.
 *
 * @param putInForce makes the kernel enforce what the file then says; where it throws the change
 * stays pending and due, so that the next one tries again
 * @returns the change that was taken back; `undefined` where none is due
 */
export function returnIfDue(
  dataDir: string,
  putInForce: (config: string) => Promise<void>,
): Promise<PendingChange | undefined> {
  return returnWhere((pending) => secondsLeft(pending) === 0, dataDir, putInForce);
}

/** As `returnIfDue`, without waiting for the time to run out. */
export function returnNow(
  dataDir: string,
  putInForce: (config: string) => Promise<void>,
): Promise<PendingChange | undefined> {
  return returnWhere(() => true, dataDir, putInForce);
}

async function returnWhere(
  isDue: (pending: PendingChange) => boolean,
  dataDir: string,
  putInForce: (config: string) => Promise<void>,
): Promise<PendingChange | undefined> {
  const file = new PendingFile(dataDir);
  const seen = await file.read();
  if (!seen || !isDue(seen)) return undefined;
  return await withLock(seen.config, async () => {
    const pending = await file.read();
    if (pending?.id !== seen.id || !isDue(pending)) return undefined;
    await putBack(pending, new PolicyHistory(dataDir));
    await putInForce(pending.config);
    await file.remove();
    return pending;
  });
}

async function putBack({ config, before, command, user }: PendingChange, history: PolicyHistory) {
  const present = await Deno.readTextFile(config).catch(() => undefined);
  if (present === before) return;
  // Somebody may have gone on editing: nothing that was written is lost.
  if (present !== undefined) await remember(history, present, command, user);
  if (present === undefined) await createAtomically(config, before, 0o600);
  else await replaceAtomically(config, before);
  await remember(history, before, `return, not confirmed: ${command}`, user);
}

/** The history is for people: that it cannot be written must not keep the policy from returning. */
async function remember(history: PolicyHistory, text: string, command: string, user: string) {
  await history.add(text, command, user).catch(() => {});
}

/**
 * Keeps the change that waits.
 *
 * @returns it; `undefined` where nothing waits any more
 */
export async function confirmChange(dataDir: string): Promise<PendingChange | undefined> {
  const file = new PendingFile(dataDir);
  const seen = await file.read();
  if (!seen) return undefined;
  return await withLock(seen.config, async () => {
    const pending = await file.read();
    if (!pending || secondsLeft(pending) === 0) return undefined;
    await file.remove();
    return pending;
  });
}
