/** Files that are at every moment whole: the old content or the new, whoever looks or falls. */
import { basename, dirname, join } from "node:path";

/** The last work that was queued for each file in this process. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `work` while nobody else who uses this function for the same file runs theirs, in this
 * process or another, by whatever path or link they name it. The lock is `<file>.lock` (flock),
 * which the kernel releases when a process dies.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const file = await realPathOf(path);
  // Queued here first: each flock that waits holds a thread of Deno's pool, and with none left the
  // holder of the lock could not write its file.
  const before = queues.get(file);
  const mine = (async () => {
    await before?.catch(() => {});
    return await withFileLock(file, work);
  })();
  queues.set(file, mine);
  try {
    return await mine;
  } finally {
    if (queues.get(file) === mine) queues.delete(file);
  }
}

/** The file itself where it exists; else its name in the directory itself. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch {
    const directory = dirname(path);
    return join(await Deno.realPath(directory).catch(() => directory), basename(path));
  }
}

/** Milliseconds after which a person is told why nothing happens. */
const PATIENCE = 10_000;

async function withFileLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  using lock = await Deno.open(`${file}.lock`, { create: true, write: true, mode: 0o600 });
  const patience = setTimeout(() => {
    console.error(`pfw: waiting for another pfw that changes ${file}`);
  }, PATIENCE);
  try {
    await lock.lock(true);
  } finally {
    clearTimeout(patience);
  }
  return await work();
}

/** Writes a new file with these permissions; one that is there is replaced. */
export async function createAtomically(
  file: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  await using staged = new StagedFile(file, content, (path) => Deno.chmodSync(path, mode));
  await staged.sync();
  staged.place();
}

/** Replaces what a file holds; permissions and owner stay, and a link still leads to it. */
export async function replaceAtomically(
  file: string,
  content: string | Uint8Array,
): Promise<void> {
  await using staged = stageReplacement(file, content);
  await staged.sync();
  staged.place();
}

/** The same up to the point where it takes the place of what is there. */
export function stageReplacement(file: string, content: string | Uint8Array): StagedFile {
  const real = Deno.realPathSync(file);
  const { mode, uid, gid } = Deno.statSync(real);
  return new StagedFile(real, content, (path) => {
    // The owner last: whoever gives a file away may not change it any more.
    if (mode !== null) Deno.chmodSync(path, mode & 0o7777);
    if (Deno.uid() === 0) Deno.chownSync(path, uid, gid);
  });
}

/**
 * What a file shall hold, written beside it. In one go but for the disk: handing each step to a
 * thread takes longer than the steps do.
 */
export class StagedFile implements AsyncDisposable {
  readonly #file: string;
  readonly #temporary: string;
  readonly #handle: Deno.FsFile;
  #onDisk: Promise<void> | undefined;
  #isPlaced = false;

  /** @param prepare gives it owner and permissions */
  constructor(file: string, content: string | Uint8Array, prepare: (path: string) => void) {
    const name = `.${basename(file)}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`;
    this.#file = file;
    this.#temporary = join(dirname(file), name);
    const options = { write: true, createNew: true, mode: 0o600 };
    this.#handle = Deno.openSync(this.#temporary, options);
    try {
      writeAll(this.#handle, typeof content === "string" ? encoder.encode(content) : content);
      prepare(this.#temporary);
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  /** Else a crash of the machine could leave the name with no content behind it. */
  sync(): Promise<void> {
    return this.#onDisk ??= this.#handle.sync();
  }

  /** Takes the place of the file, once it is on the disk. */
  place(): void {
    Deno.renameSync(this.#temporary, this.#file);
    this.#isPlaced = true;
  }

  /** Leaves the file as it is, unless it was replaced. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#onDisk?.catch(() => {});
    this.#drop();
  }

  #drop(): void {
    this.#handle.close();
    if (this.#isPlaced) return;
    try {
      Deno.removeSync(this.#temporary);
    } catch {
      // Whoever wrote it hears of what went wrong before.
    }
  }
}

const encoder = new TextEncoder();

function writeAll(handle: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += handle.writeSync(bytes.subarray(at));
}
