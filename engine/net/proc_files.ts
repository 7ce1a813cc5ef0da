/** `/proc`, or for tests a copy of a part of it. What cannot be read is empty: nothing throws. */
import { join } from "node:path";

/** Bytes of one file that are read; a table of 50,000 connections has about 8 MB. */
const LIMIT = 32 * 1024 * 1024;
/** Processes that are looked at. */
const PROCESSES = 65_536;

/** Reads what other processes and the network stack say of themselves. */
export class ProcFiles {
  /** Made once: every process has a file or two that is read. */
  readonly #buffer = new Uint8Array(65_536);

  /** Texts that were read by `ahead`. */
  readonly #known = new Map<string, string>();

  constructor(private readonly root = "/proc") {}

  /**
   * With some files read already, by other threads while this one went on: to walk through a long
   * table of the kernel takes milliseconds, also where it is nearly empty.
   */
  static async ahead(paths: readonly string[], root = "/proc"): Promise<ProcFiles> {
    const files = new ProcFiles(root);
    await Promise.all(paths.map(async (path) => {
      files.#known.set(path, await readSoon(join(root, path)));
    }));
    return files;
  }

  /** A file's text; empty where there is none or it is not ours to read. */
  read(path: string): string {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    try {
      using file = Deno.openSync(join(this.root, path));
      // Files of /proc have size 0: read until nothing comes.
      const chunks: Uint8Array[] = [];
      const buffer = this.#buffer;
      let length = 0;
      for (let read = file.readSync(buffer); read && length < LIMIT; read = file.readSync(buffer)) {
        chunks.push(buffer.slice(0, read));
        length += read;
      }
      const decoder = new TextDecoder();
      return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("");
    } catch {
      return "";
    }
  }

  /** The process that started this one; `undefined` where that cannot be read. */
  parentOf(pid: string): string | undefined {
    return /^PPid:\s*(\d+)$/m.exec(this.read(`${pid}/status`))?.[1];
  }

  /** Processes whose name (at most 15 characters, proc(5) `comm`) matches. */
  processesNamed(pattern: RegExp): string[] {
    const pids = this.#names("").filter((name) => /^\d+$/.test(name)).slice(0, PROCESSES);
    return pids.filter((pid) => pattern.test(this.read(`${pid}/comm`).trim()));
  }

  /** Inodes of the sockets that a process holds. */
  socketsOf(pid: string): string[] {
    return this.#names(`${pid}/fd`).flatMap((descriptor) => {
      const target = this.#link(`${pid}/fd/${descriptor}`);
      return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
    });
  }

  #names(path: string): string[] {
    try {
      return Array.from(Deno.readDirSync(join(this.root, path)), ({ name }) => name);
    } catch {
      return [];
    }
  }

  #link(path: string): string {
    try {
      return Deno.readLinkSync(join(this.root, path));
    } catch {
      return "";
    }
  }
}

async function readSoon(path: string): Promise<string> {
  try {
    using file = await Deno.open(path);
    const decoder = new TextDecoder(), buffer = new Uint8Array(65_536);
    let text = "";
    for (let read = await file.read(buffer); read && text.length < LIMIT;) {
      text += decoder.decode(buffer.subarray(0, read), { stream: true });
      read = await file.read(buffer);
    }
    return text;
  } catch {
    return "";
  }
}
