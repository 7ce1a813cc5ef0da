/**
 * Changes to the configuration: one at a time, whole or not at all. Kernel and file end both in
 * the old state or both in the new one.
 */
import type { ReloadAnswer } from "../control/client.ts";
import { errorText, ExitCode, PfwError } from "../errors.ts";
import { replaceAtomically, withLock } from "./atomic_file.ts";
import { checkConfig } from "./config.ts";
import { ensureConfig, fileError, readConfigFile } from "./config_file.ts";
import { formatConfig } from "./format_config.ts";
import { problemText } from "./problem.ts";
import type { ConfigDraft } from "./schema.ts";

/** An answer that leaves the change standing. */
export type Accepted = Exclude<ReloadAnswer, { ok: false }>;

/** What became of a change. */
export interface Edited<T> {
  /** What the change said of itself. */
  readonly value: T;
  /** False where the file already said so: then nothing was written and nobody was asked. */
  readonly changed: boolean;
  /** What the running pfw said, if one runs; `undefined` where nothing changed. */
  readonly answer: Accepted | undefined;
  /** Milliseconds until it answered: with enforcement, until the kernel had it. */
  readonly milliseconds: number;
}

/**
 * Changes the configuration, which is created where there is none, and has a running pfw take it
 * over. Holds `<file>.lock` from reading until the answer, so that changes queue up; whoever
 * reloads must not ask for that lock.
 *
 * @param change edits the draft in place; what it throws leaves everything as it was
 * @param reload asks the running pfw, if there is one, and returns when the kernel enforces
 * @throws PfwError when the change is not valid (exit 2), cannot be written, or is refused by the
 * running pfw; the file then holds what it held before
 */
export async function editConfig<T>(
  file: string,
  change: (draft: ConfigDraft) => T,
  reload: () => Promise<ReloadAnswer>,
): Promise<Edited<T>> {
  await ensureConfig(file);
  try {
    return await withLock(file, () => editLocked(file, change, reload));
  } catch (error) {
    throw error instanceof PfwError ? error : fileError(`cannot change ${file}`, error);
  }
}

async function editLocked<T>(
  file: string,
  change: (draft: ConfigDraft) => T,
  reload: () => Promise<ReloadAnswer>,
): Promise<Edited<T>> {
  const { text: before, draft } = await readConfigFile(file);
  const meantBefore = JSON.stringify(draft);
  const value = change(draft);
  if (JSON.stringify(draft) === meantBefore) {
    return { value, changed: false, answer: undefined, milliseconds: 0 };
  }
  const after = formatConfig(draft);
  requireValid(after);
  await replaceAtomically(file, after);
  const started = performance.now();
  const answer = await reloadOrPutBack(file, before, reload);
  return { value, changed: true, answer, milliseconds: performance.now() - started };
}

function requireValid(text: string): void {
  const checked = checkConfig(text);
  if (checked.ok) return;
  // Without lines: they would be those of a file that is never written.
  const problems = checked.problems.slice(0, 3).map(({ path, message }) =>
    problemText({ path, message, line: 0, column: 0 })
  );
  throw new PfwError("cannot make this change", problems.join(", "), "", ExitCode.usage);
}

async function reloadOrPutBack(
  file: string,
  before: string,
  reload: () => Promise<ReloadAnswer>,
): Promise<Accepted> {
  const answer = await askSafely(reload);
  if (!answer.running || answer.ok) return answer;
  await replaceAtomically(file, before);
  throw new PfwError(
    "the running pfw refused the change, and it was taken back",
    answer.error,
    "see pfw status",
    answer.exitCode,
  );
}

/** No answer is a refusal: what the kernel holds is then unknown, and the old policy is safe. */
async function askSafely(reload: () => Promise<ReloadAnswer>): Promise<ReloadAnswer> {
  try {
    return await reload();
  } catch (error) {
    return { running: true, ok: false, error: errorText(error) };
  }
}
