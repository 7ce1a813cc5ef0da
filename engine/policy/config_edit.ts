/**
 * Changes to the configuration: one at a time, whole or not at all. Kernel and file end both in
 * the old state or both in the new one.
 */
import { resolve } from "node:path";
import type { ReloadAnswer } from "../control/client.ts";
import { errorText, ExitCode, PfwError } from "../errors.ts";
import {
  createAtomically,
  replaceAtomically,
  type StagedFile,
  stageReplacement,
  withLock,
} from "../atomic_file.ts";
import { checkConfig } from "./config.ts";
import {
  type ConfigFile,
  type ConfigPlace,
  ensureConfig,
  exists,
  fileError,
  makeDirectoryOf,
  MAX_CONFIG_BYTES,
  readConfigFile,
  readConfigText,
} from "./config_file.ts";
import { formatConfig } from "./format_config.ts";
import { problemText } from "./problem.ts";
import { quickConfigOf } from "./quick_config.ts";
import type { Config, ConfigDraft } from "./schema.ts";

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

/** A change of the configuration that is about to be made, or was made. */
export interface ConfigChange {
  /** Absolute path of the configuration. */
  readonly file: string;
  /** The text in force until now; `undefined` where that is not known. */
  readonly before: string | undefined;
  readonly after: string;
  /** What `after` says. */
  readonly config: Config;
}

/** Has a say in changes and keeps record of them. Called with the lock held. */
export interface EditGuard {
  /** Before anything is written: what it throws leaves everything as it was. */
  prepare(change: ConfigChange): Promise<void>;
  /** The change stands. */
  keep(change: ConfigChange): Promise<void>;
  /** The running pfw refused it, and it was taken back. */
  undo(change: ConfigChange): Promise<void>;
}

/** Has a running pfw take a change over. */
export type TakeOver =
  /** It is asked to, and reads the file. */
  | (() => Promise<ReloadAnswer>)
  /** It is this process, which puts the change in force and the file in its place at once. */
  | { takeOver(change: ConfigChange, file: StagedFile): Promise<ReloadAnswer> };

/** How a configuration is read that is to be changed. */
export interface EditReader {
  read(): Promise<Pick<ConfigFile, "text" | "draft">>;
  /** Told of what is about to be written, and of its bytes. */
  expect?(written: ConfigFile, bytes: Uint8Array): void;
}

/**
 * Changes the configuration, which is created where there is none, and has a running pfw take it
 * over. Holds `<file>.lock` from reading until the answer, so that changes queue up; whoever
 * reloads must not ask for that lock.
 *
 * @param change edits the draft in place; what it throws leaves everything as it was
 * @param running asks the running pfw, if there is one, and returns when the kernel enforces
 * @throws PfwError when the change is not valid (exit 2), cannot be written, is refused by the
 * guard or by the running pfw; the file then holds what it held before
 */
export function editConfig<T>(
  place: ConfigPlace,
  change: (draft: ConfigDraft) => T,
  running: TakeOver,
  guard?: EditGuard,
  reader: EditReader = { read: () => readConfigFile(place.config) },
): Promise<Edited<T>> {
  const file = place.config;
  return withConfig(place, async () => {
    const { text: before, draft } = await reader.read();
    const isSame = comparison(draft);
    const value = change(draft);
    if (isSame()) return { value, ...UNCHANGED };
    const after = formatConfig(draft);
    const config = quickConfigOf(draft) ?? requireValid(after);
    const bytes = new TextEncoder().encode(after);
    reader.expect?.({ text: after, config, draft }, bytes);
    return { value, ...await put({ file, before, after, config, bytes }, running, guard) };
  });
}

/** Tells later whether a draft still means the same: lists of addresses are never changed in place. */
function comparison(draft: ConfigDraft): () => boolean {
  const rest = () => JSON.stringify({ ...draft, blacklist_ips: 0, whitelist_ips: 0 });
  const { blacklist_ips, whitelist_ips } = draft, before = rest();
  return () =>
    isSameList(draft.blacklist_ips, blacklist_ips) &&
    isSameList(draft.whitelist_ips, whitelist_ips) && rest() === before;
}

function isSameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === b) return true;
  return a?.length === b?.length && a?.every((entry, at) => entry === b?.[at]) === true;
}

/** As `editConfig`, with a whole text in place of whatever the file holds, broken, or removed. */
export async function replaceConfig(
  file: string,
  text: string,
  reload: () => Promise<ReloadAnswer>,
  guard?: EditGuard,
): Promise<Edited<undefined>> {
  await makeDirectoryOf(file);
  return await withFile(file, async () => {
    const before = exists(file) ? await readConfigText(file) : undefined;
    if (before === text) return { value: undefined, ...UNCHANGED };
    const config = requireValid(text);
    return {
      value: undefined,
      ...await put({ file, before, after: text, config }, reload, guard),
    };
  });
}

const UNCHANGED = { changed: false, answer: undefined, milliseconds: 0 } as const;

async function withConfig<T>(place: ConfigPlace, work: () => Promise<T>): Promise<T> {
  await ensureConfig(place);
  return await withFile(place.config, work);
}

async function withFile<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await withLock(file, work);
  } catch (error) {
    throw error instanceof PfwError ? error : fileError(`cannot change ${file}`, error);
  }
}

/** A change; without `before`, of a file that is not there. */
interface Put extends ConfigChange {
  /** Those of `after`, where they are made already. */
  readonly bytes?: Uint8Array;
}

async function put(
  { file, before, after, config, bytes }: Put,
  running: TakeOver,
  guard: EditGuard | undefined,
): Promise<Omit<Edited<unknown>, "value">> {
  const change = { file: resolve(file), before, after, config };
  const content = bytes ?? new TextEncoder().encode(after);
  if (content.length > MAX_CONFIG_BYTES) {
    const why = "the configuration would be larger than 64 MB, and no start would read it";
    throw new PfwError("cannot make this change", why, "", ExitCode.usage);
  }
  await guard?.prepare(change);
  try {
    const made = typeof running === "function"
      ? await replaceAndReload(change, content, running)
      : await takeOver(change, content, running);
    await guard?.keep(change);
    return { changed: true, ...made };
  } catch (error) {
    await guard?.undo(change);
    throw error;
  }
}

function requireValid(text: string): Config {
  const checked = checkConfig(text);
  if (checked.ok) return checked.config;
  // Without lines: they would be those of a file that is never written.
  const problems = checked.problems.slice(0, 3).map(({ path, message }) =>
    problemText({ path, message, line: 0, column: 0 })
  );
  throw new PfwError("cannot make this change", problems.join(", "), "", ExitCode.usage);
}

/** An answer, and how long it took. */
type Taken = Pick<Edited<unknown>, "milliseconds"> & { readonly answer: Accepted };

async function replaceAndReload(
  { file, before }: ConfigChange,
  content: Uint8Array,
  reload: () => Promise<ReloadAnswer>,
): Promise<Taken> {
  if (before === undefined) await createAtomically(file, content, 0o600);
  else await replaceAtomically(file, content);
  const started = performance.now();
  const answer = await askSafely(reload);
  const milliseconds = performance.now() - started;
  if (!answer.running || answer.ok) return { answer, milliseconds };
  if (before === undefined) await Deno.remove(file);
  else await replaceAtomically(file, before);
  throw refusal(answer);
}

async function takeOver(
  change: ConfigChange,
  content: Uint8Array,
  running: Exclude<TakeOver, () => unknown>,
): Promise<Taken> {
  await using staged = stageReplacement(change.file, content);
  const started = performance.now();
  const answer = await askSafely(() => running.takeOver(change, staged));
  if (answer.running && !answer.ok) throw refusal(answer);
  return { answer, milliseconds: performance.now() - started };
}

function refusal({ error, exitCode }: Extract<ReloadAnswer, { ok: false }>): PfwError {
  return new PfwError(
    "the running pfw refused the change, and it was taken back",
    error,
    "see pfw status",
    exitCode,
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
