/**
 * A file that is brought to the disk without its descriptor being opened a second time. Closing any
 * descriptor of a file gives up every lock that the process holds on it (POSIX, fcntl(2)), those of
 * SQLite too, and Deno's own `syncData` closes one that it makes for each call.
 */
import { cString, libc } from "./libc.ts";

/** O_RDWR and O_CLOEXEC of <fcntl.h>. */
const FLAGS = 0o2 | 0o2000000;

/** An open file; closing it is closing a descriptor, see above. */
export class SyncedFile {
  readonly #descriptor: number;

  /** @throws Error where there is no such file, or this process may not write to it */
  constructor(path: string) {
    this.#descriptor = libc().open(cString(path), FLAGS, 0);
    if (this.#descriptor < 0) throw new Error(`cannot open ${path}`);
  }

  /**
   * Waits in another thread until the disk has what was written.
   *
   * @throws Error where it cannot have it
   */
  async sync(): Promise<void> {
    if (await libc().fdatasync(this.#descriptor) !== 0) {
      throw new Error("the file cannot be brought to the disk");
    }
  }

  /** A call of `sync` that has not begun may then wait for another file instead, which harms nobody. */
  close(): void {
    libc().close(this.#descriptor);
  }
}
