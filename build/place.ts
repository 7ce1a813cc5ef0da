/**
 * Runs once for each machine and build, out of the freshly unpacked directory: moves it to its
 * place. The stub calls `place.js FRESH TARGET`; both lie in one directory that only this user
 * can write to.
 *
 * A shell cannot do this: `mv` moves into a directory that appeared meanwhile, rename(2) does not.
 */
import { dirname, join } from "node:path";

/** How long what another build or a failed run left behind is kept, in milliseconds: a day. */
const KEPT = 24 * 3600 * 1000;

/**
 * Names and sizes of a directory's files, its hidden ones left out; `undefined` unless it and all
 * of them are this user's alone, as the stub asks too.
 */
function privateContents(directory: string): string | undefined {
  try {
    const { isDirectory, mode, uid } = Deno.lstatSync(directory);
    if (!isDirectory || (mode! & 0o777) !== 0o700 || uid !== Deno.uid()) return undefined;
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    const files = names.filter((name) => !name.startsWith(".")).map((name) => {
      const stat = Deno.lstatSync(join(directory, name));
      return `${name}:${stat.isFile && stat.uid === Deno.uid() ? stat.size : "not ours"}`;
    });
    return files.join(" ");
  } catch {
    return undefined;
  }
}

/** Moves `fresh` to `target`, unless a whole one is there already. */
export function place(fresh: string, target: string): void {
  const base = dirname(target);
  using lock = Deno.openSync(join(base, ".lock"), { create: true, write: true, mode: 0o600 });
  lock.lockSync(true);
  if (privateContents(fresh) === privateContents(target)) {
    Deno.removeSync(fresh, { recursive: true });
  } else {
    for (const { name } of Deno.readDirSync(fresh)) syncFile(join(fresh, name));
    const broken = join(base, `.broken-${Deno.pid}`);
    removeQuietly(broken);
    moveAway(target, broken);
    Deno.renameSync(fresh, target);
    removeQuietly(broken);
  }
  removeUnused(base, target);
}

/** On the disk before the rename is, so that a power cut leaves nothing half written in place. */
function syncFile(path: string): void {
  if (!Deno.lstatSync(path).isFile) return;
  using file = Deno.openSync(path);
  file.syncSync();
}

function moveAway(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes what other builds and failed runs left a day ago, unless something runs from it. */
function removeUnused(base: string, target: string): void {
  const running = runningFrom();
  for (const entry of Deno.readDirSync(base)) {
    const path = join(base, entry.name);
    if (!/^([0-9a-f]{64}|\.(fresh|broken)-\w+)$/.test(entry.name) || path === target) continue;
    const changed = Deno.lstatSync(path).mtime?.getTime() ?? Date.now();
    if (Date.now() - changed > KEPT && !running.has(path)) removeQuietly(path);
  }
}

/** The directories of all running programs that this user may see. */
function runningFrom(): Set<string> {
  const directories = new Set<string>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      directories.add(dirname(Deno.readLinkSync(`/proc/${name}/exe`)));
    } catch {
      // Ended meanwhile, a kernel thread, or another user's.
    }
  }
  return directories;
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // Nothing there, or not ours to remove: the next build tries again.
  }
}

if (import.meta.main) place(Deno.args[0], Deno.args[1]);
