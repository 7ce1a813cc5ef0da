/** Steps that make, replace and remove files. */
import { basename, dirname, join } from "node:path";
import { createAtomically } from "../../engine/atomic_file.ts";
import { PfwError } from "../../engine/errors.ts";
import type { Step } from "./steps.ts";

/** Every text file that pfw installs has such a word near its beginning; others' files do not. */
const MARK = /`pfw (install|completion|man)\b/;
const MARK_BYTES = 400;

/** A directory with this mode; one that is there keeps its own. */
export function directoryStep(path: string, mode: number): Step {
  return {
    what: `make the directory ${path}`,
    isDone: async () => {
      const info = await lookAt(path);
      if (!info) return false;
      // A link to a directory serves as well: some keep /var elsewhere.
      if ((await Deno.stat(path)).isDirectory) return true;
      throw new PfwError(path, "it is no directory", "move it away");
    },
    act: async () => {
      await makeParents(path);
      await Deno.mkdir(path, { mode });
    },
  };
}

/** A text that pfw made, replaced where it differs. */
export function textStep(what: string, path: string, text: string): Step {
  return {
    what: `write ${what} to ${path}`,
    isDone: async () => {
      await requireOwn(path);
      return await Deno.readTextFile(path).catch(() => undefined) === text;
    },
    act: async () => {
      await makeParents(path);
      await createAtomically(path, text, 0o644);
    },
  };
}

/** The executable; whoever runs the one before goes on with it. */
export function executableStep(source: string, path: string): Step {
  return {
    what: `copy pfw to ${path}`,
    isDone: async () => {
      const info = await lookAt(path);
      if (info?.isDirectory) throw new PfwError(path, "it is a directory", "move it away");
      return info !== undefined && info.isFile && await haveSameBytes(source, path);
    },
    act: async () => {
      await makeParents(path);
      await copyExecutable(source, path);
    },
  };
}

/** A symbolic link; something else under that name is left alone. */
export function linkStep(target: string, path: string): Step {
  return {
    what: `link ${path} to it`,
    isOptional: true,
    isDone: async () => {
      const info = await lookAt(path);
      if (!info) return false;
      if (info.isSymlink && await Deno.readLink(path) === target) return true;
      throw new PfwError(path, "another file of that name is there", "");
    },
    act: async () => {
      await makeParents(path);
      await Deno.symlink(target, path);
    },
  };
}

/** Takes a file away that pfw made. */
export function removeFileStep(path: string): Step {
  return {
    what: `remove ${path}`,
    isDone: async () => !(await lookAt(path)),
    act: async () => {
      await requireOwn(path);
      await Deno.remove(path);
    },
  };
}

/** Takes the executable away, or a link to it. */
export function removeExecutableStep(path: string, linkTarget?: string): Step {
  return {
    what: `remove ${path}`,
    isDone: async () => {
      const info = await lookAt(path);
      if (!info || info.isDirectory) return true;
      // A link of that name that leads elsewhere is none of ours.
      return linkTarget !== undefined &&
        !(info.isSymlink && await Deno.readLink(path) === linkTarget);
    },
    act: () => Deno.remove(path),
  };
}

/** The last part of every directory that pfw may take away with all that is in it. */
const OWN_DIRECTORY = "personal-firewall";

/** Takes a directory of pfw away with all that is in it; a link is never followed. */
export function removeDirectoryStep(path: string): Step {
  return {
    what: `remove ${path} and all that is in it`,
    isDone: async () => !(await lookAt(path)),
    act: async () => {
      const info = await Deno.lstat(path);
      if (basename(path) !== OWN_DIRECTORY || !info.isDirectory) {
        throw new PfwError(path, "it is no directory of pfw's own", "remove it by hand");
      }
      await Deno.remove(path, { recursive: true });
    },
  };
}

async function lookAt(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function requireOwn(path: string): Promise<void> {
  const info = await lookAt(path);
  if (!info) return;
  if (info.isFile && MARK.test(await beginningOf(path))) return;
  throw new PfwError(path, "it is not of pfw's making", "move it away");
}

async function beginningOf(path: string): Promise<string> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(MARK_BYTES);
  const length = await file.read(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, length));
}

async function makeParents(path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o755 });
}

/** Beside its place, then moved there: nobody ever finds half of it. */
async function copyExecutable(source: string, path: string): Promise<void> {
  const name = `.${basename(path)}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.new`;
  const fresh = join(dirname(path), name);
  try {
    using from = await Deno.open(source);
    // Never over what is there: it might be a link that somebody laid to have a file overwritten.
    using into = await Deno.open(fresh, { write: true, createNew: true, mode: 0o700 });
    await copyAll(from, into);
    await Deno.chmod(fresh, 0o755);
    await into.sync();
    await Deno.rename(fresh, path);
  } catch (error) {
    await Deno.remove(fresh).catch(() => {});
    throw error;
  }
}

async function copyAll(from: Deno.FsFile, into: Deno.FsFile): Promise<void> {
  const buffer = new Uint8Array(CHUNK);
  for (let read: number | null; (read = await from.read(buffer)) !== null;) {
    for (let at = 0; at < read;) at += await into.write(buffer.subarray(at, read));
  }
}

const CHUNK = 1 << 20;

async function haveSameBytes(one: string, other: string): Promise<boolean> {
  using first = await Deno.open(one);
  using second = await Deno.open(other);
  const [a, b] = [await first.stat(), await second.stat()];
  if (a.size !== b.size) return false;
  if (a.dev === b.dev && a.ino === b.ino) return true;
  const left = new Uint8Array(CHUNK), right = new Uint8Array(CHUNK);
  for (let at = 0; at < a.size;) {
    const [length, same] = [await readAll(first, left), await readAll(second, right)];
    if (length === 0 || length !== same) return false;
    for (let byte = 0; byte < length; byte++) if (left[byte] !== right[byte]) return false;
    at += length;
  }
  return true;
}

async function readAll(file: Deno.FsFile, into: Uint8Array): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const read = await file.read(into.subarray(length));
    if (read === null) break;
    length += read;
  }
  return length;
}
