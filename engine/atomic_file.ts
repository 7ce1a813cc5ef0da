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
export async function createAtomically(file: string, text: string, mode: number): Promise<void> {
  await write(file, text, (temporary) => Deno.chmod(temporary, mode));
}

/** The same for bytes. */
export async function createBytesAtomically(
  file: string,
  bytes: Uint8Array,
  mode: number,
): Promise<void> {
  await write(file, bytes, (temporary) => Deno.chmod(temporary, mode));
}

/** Replaces what a file holds; permissions and owner stay, and a link still leads to it. */
export async function replaceAtomically(
  file: string,
  content: string | Uint8Array,
): Promise<void> {
  const real = await Deno.realPath(file);
  const { mode, uid, gid } = await Deno.stat(real);
  await write(real, content, async (temporary) => {
    if (Deno.uid() === 0) await Deno.chown(temporary, uid, gid);
    if (mode !== null) await Deno.chmod(temporary, mode & 0o7777);
  });
}

async function write(
  file: string,
  content: string | Uint8Array,
  prepare: (temporary: string) => Promise<void>,
): Promise<void> {
  const name = `.${basename(file)}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  const temporary = join(dirname(file), name);
  try {
    using handle = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
    await writeAll(handle, typeof content === "string" ? encoder.encode(content) : content);
    await prepare(temporary);
    // Else a crash of the machine could leave the new name with no content behind it.
    await handle.sync();
    await Deno.rename(temporary, file);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

const encoder = new TextEncoder();

async function writeAll(handle: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await handle.write(bytes.subarray(at));
}
