/** The configuration file: read with suspicion, created with the defaults where there is none. */
import { Buffer } from "node:buffer";
import { dirname } from "node:path";
import { ExitCode, PfwError, systemReason } from "../errors.ts";
import { createAtomically, withLock } from "../atomic_file.ts";
import { isSeen, type Paths } from "../paths.ts";
import { decodeText } from "./decode_text.ts";
import { DEFAULT_CONFIG, SCHEMA_FILE } from "./default_config.ts";
import { formatConfig } from "./format_config.ts";
import { isKnownGood } from "./long_list.ts";
import { ConfigError } from "./problem.ts";
import { type KnownList, knownListsOf, quickConfig, quickConfigWith } from "./quick_config.ts";
import type { Config, ConfigDraft } from "./schema.ts";

/** Bytes; 2,000,000 addresses need about 40 MB. */
export const MAX_CONFIG_BYTES = 64 * 1024 * 1024;

/** Where a configuration is, and the lock that tells whether a pfw runs by it, where that may be. */
export interface ConfigPlace extends Pick<Paths, "config"> {
  readonly lock?: string;
}

/** A configuration as it was read. */
export interface ConfigFile {
  readonly text: string;
  readonly config: Config;
  /** The same without the defaults, keys in the order of the file. */
  readonly draft: ConfigDraft;
}

/**
 * Reads and checks a configuration.
 *
 * @throws ConfigError with every problem in it (exit 2); PfwError where it cannot be read (4) or
 * must not be trusted (2)
 */
export async function readConfigFile(file: string): Promise<ConfigFile> {
  return await readText(file, await readConfigText(file), []);
}

/** @param known long lists that the text may hold */
async function readText(
  file: string,
  text: string,
  known: readonly KnownList[],
): Promise<ConfigFile> {
  const quick = (known.length > 0 && quickConfigWith(text, known)) || quickConfig(text);
  if (quick) return { text, ...quick };
  // Loaded only where it is needed: to say what is wrong with a text.
  const { checkConfig } = await import("./config.ts");
  const checked = checkConfig(text);
  if (!checked.ok) throw new ConfigError(file, checked.problems);
  return { text, config: checked.config, draft: checked.draft };
}

/** A configuration and the bytes of its file. */
interface KnownFile {
  readonly bytes: Uint8Array;
  readonly read: ConfigFile;
}

/** Reads one configuration again and again; what is known of it already is not read again. */
export class ConfigReader {
  /** What the file said when it was read last, and what somebody is about to write. */
  #known: readonly KnownFile[] = [];
  /** To read into: what is only compared is not kept. */
  #scratch: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #turn: Promise<unknown> = Promise.resolve();

  /** @param lock of the pfw that reads it, where one does */
  constructor(readonly file: string, readonly lock?: string) {}

  /** Reads and checks it; throws as `readConfigFile`. */
  async read(): Promise<ConfigFile> {
    // One after another, for all read into the same place.
    const mine = this.#turn.then(() => this.#read());
    this.#turn = mine.catch(() => {});
    return await mine;
  }

  async #read(): Promise<ConfigFile> {
    const bytes = await this.#readTrusted();
    this.#scratch = new Uint8Array(bytes.buffer);
    let known = this.#known.find((one) => isEqual(one.bytes, bytes));
    if (!known) {
      const read = await readText(this.file, textOf(this.file, bytes), this.#lists());
      known = { bytes: bytes.slice(), read };
    }
    this.#known = [known];
    return { ...known.read, draft: copyOf(known.read.draft) };
  }

  /** @throws as `readConfigText`, and says what to do where the file of a running pfw is gone */
  async #readTrusted(): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return await readTrusted(this.file, this.#scratch);
    } catch (error) {
      if (isAbsence(error) || isLinkToNothing(error)) {
        await refuseRemoved({ config: this.file, lock: this.lock });
      }
      throw error;
    }
  }

  /** The same by a pfw that starts: creates the file where there is none, and notes that it runs by it. */
  async load(): Promise<ConfigFile> {
    await ensureConfig({ config: this.file });
    const read = await this.read();
    if (this.lock !== undefined) {
      const { noteConfig } = await import("../run_lock.ts");
      noteConfig({ config: this.file, lock: this.lock });
    }
    return read;
  }

  /** See `EditReader.expect`. */
  expect(written: ConfigFile, bytes: Uint8Array): void {
    this.#known = [{ bytes, read: written }, ...this.#known];
  }

  #lists(): KnownList[] {
    return this.#known.flatMap(({ read }) => knownListsOf(read.draft));
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** A draft to be changed: lists of addresses never are in place, all else is. */
function copyOf(draft: ConfigDraft): ConfigDraft {
  const entries = Object.entries(draft).map(([key, value]) =>
    Array.isArray(value) && isKnownGood(value) ? [key, value] : [key, structuredClone(value)]
  );
  return Object.fromEntries(entries);
}

/**
 * Reads the configuration, and creates it with the defaults where there is none.
 *
 * @throws as `readConfigFile` and `ensureConfig`
 */
export async function loadConfig(place: ConfigPlace): Promise<ConfigFile> {
  await ensureConfig(place);
  return await readConfigFile(place.config);
}

/**
 * The text of a file that may serve as configuration: a regular file of at most 64 MB in UTF-8,
 * owned by root or this user, not writable by everybody.
 */
export async function readConfigText(file: string): Promise<string> {
  return textOf(file, await readTrusted(file));
}

function textOf(file: string, bytes: Uint8Array): string {
  const decoded = decodeText(bytes);
  if (decoded.ok) return decoded.text;
  throw new ConfigError(file, [{ path: "", line: decoded.line, column: 1, message: decoded.why }]);
}

/** Mostly in one go: a thread for each of these calls takes longer than they do. */
async function readTrusted(
  file: string,
  scratch: Uint8Array<ArrayBuffer> = new Uint8Array(0),
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    // Before opening: a named pipe would block for ever.
    requireTrusted(file, Deno.statSync(file));
    using handle = Deno.openSync(file, { read: true });
    // And the opened one again, for it may be another by now.
    const info = handle.statSync();
    requireTrusted(file, info);
    return await readAtMost(handle, info.size, file, scratch);
  } catch (error) {
    throw error instanceof PfwError ? error : readError(file, error);
  }
}

function requireTrusted(file: string, info: Deno.FileInfo): void {
  const refuse = (why: string, next: string) => {
    throw new PfwError(`cannot use ${file}`, why, next, ExitCode.usage);
  };
  if (info.isDirectory) refuse("it is a directory", "name the file in it");
  if (!info.isFile) refuse("it is not a regular file", "name a file");
  if (info.size > MAX_CONFIG_BYTES) refuse("it is larger than 64 MB", "is it the right file?");
  if (((info.mode ?? 0) & 0o002) !== 0) {
    refuse("everybody may write to it", `look through it, then run: chmod o-w ${file}`);
  }
  if (info.uid !== null && info.uid !== 0 && info.uid !== Deno.uid()) {
    const owner = Deno.uid() === 0 ? "root" : "root or you";
    refuse(`it belongs to user ${info.uid}, not to ${owner}`, `run: chown root ${file}`);
  }
}

/** Bytes that are read before anything else could be done meanwhile. */
const SMALL = 1 << 20;
/** Bytes past the size of a file: one at least, to see that it does not grow; more, to read it again. */
const ROOM = 4_096;

/** @param scratch is read into where it is large enough */
async function readAtMost(
  handle: Deno.FsFile,
  size: number,
  file: string,
  scratch: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = scratch.length > size ? scratch : new Uint8Array(size + ROOM);
  let length = 0;
  for (let read: number | null = 0; read !== null && length <= size; length += read ?? 0) {
    const rest = buffer.subarray(length);
    read = size < SMALL ? handle.readSync(rest) : await handle.read(rest);
  }
  if (length > size) {
    throw new PfwError(`cannot read ${file}`, "it grew while it was read", "try again");
  }
  return buffer.subarray(0, length);
}

/** Of a link pfw makes no configuration: what it names may be on a disk that is only not mounted. */
const LINK_TO_NOTHING = "it is a link that leads nowhere";

function isLinkToNothing(error: unknown): boolean {
  return error instanceof PfwError && error.why === LINK_TO_NOTHING;
}

function readError(file: string, error: unknown): PfwError {
  const what = `cannot read ${file}`;
  if (error instanceof Deno.errors.NotFound) {
    if (isSeen(file)) {
      const next = "put back the file that it names, or remove the link";
      return new PfwError(what, LINK_TO_NOTHING, next, ExitCode.usage);
    }
    return new PfwError(
      what,
      "there is no such file",
      "pfw creates it with the defaults at its first start",
      ExitCode.usage,
      { cause: error },
    );
  }
  return fileError(what, error);
}

/** What the operating system said of a file, with the exit code that fits. */
export function fileError(what: string, error: unknown): PfwError {
  const { PermissionDenied, NotADirectory, FilesystemLoop } = Deno.errors;
  const [why, next, exitCode] = error instanceof PermissionDenied
    ? [
      "permission denied",
      "run it as root (sudo) or name another file with --config",
      ExitCode.missing,
    ]
    : error instanceof NotADirectory
    ? ["a part of its path is no directory", "name another file", ExitCode.usage]
    : error instanceof FilesystemLoop
    ? ["its links lead in a circle", "name another file", ExitCode.usage]
    : [systemReason(error), "", ExitCode.failed];
  return new PfwError(what, why, next, exitCode, { cause: error });
}

/**
 * Creates the configuration with the defaults where there is none, and its JSON Schema beside it.
 *
 * @returns whether it was created
 * @throws PfwError where a pfw runs by the one that was there: with the defaults in its place the
 * next change would put those in force
 */
export async function ensureConfig({ config: file, lock }: ConfigPlace): Promise<boolean> {
  if (exists(file)) return false;
  await refuseRemoved({ config: file, lock });
  try {
    const directory = await makeDirectoryOf(file);
    return await withLock(file, async () => {
      if (exists(file)) return false;
      const { configJsonSchema } = await import("./config_schema_file.ts");
      const schema = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
      await createAtomically(`${directory}/${SCHEMA_FILE}`, schema, 0o644);
      await createAtomically(file, formatConfig(DEFAULT_CONFIG), 0o600);
      return true;
    });
  } catch (error) {
    throw error instanceof PfwError ? error : fileError(`cannot create ${file}`, error);
  }
}

/** Makes the directory of a configuration where there is none. */
export async function makeDirectoryOf(file: string): Promise<string> {
  const directory = dirname(file);
  try {
    await Deno.mkdir(directory, { recursive: true, mode: Deno.uid() === 0 ? 0o755 : 0o700 });
    return directory;
  } catch (error) {
    throw fileError(`cannot create ${file}`, error);
  }
}

/** Whether that says of a configuration that there is none. */
export function isAbsence(error: unknown): boolean {
  return error instanceof PfwError && error.cause instanceof Deno.errors.NotFound;
}

/**
 * Told of a configuration that is not there.
 *
 * @throws PfwError where a pfw runs by it: the defaults in its place are not what is in force
 */
export async function refuseRemoved({ config, lock }: ConfigPlace): Promise<void> {
  if (lock === undefined) return;
  const { isConfigInUse } = await import("../run_lock.ts");
  if (!isConfigInUse({ config, lock })) return;
  throw new PfwError(
    `cannot read ${config}`,
    "it was removed while pfw runs by it",
    "put it back with `pfw rules rollback N`, N as in `pfw rules history`",
    ExitCode.usage,
  );
}

/** Whether there is a configuration, readable or not. */
export function exists(file: string): boolean {
  try {
    // Not stat: a link that leads nowhere is a mistake to be told, not a place to create a file.
    Deno.lstatSync(file);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError(`cannot read ${file}`, error);
  }
}
