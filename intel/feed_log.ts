/** What is said of feeds in the log: each in one line, and the same trouble once. */

/** Tells what becomes of feeds. */
export class FeedLog {
  readonly #log: (level: "info" | "warn", text: string) => void;
  /** The trouble that was told last, by feed and by what it is about. */
  readonly #told = new Map<string, Map<string, string>>();

  constructor(log: (level: "info" | "warn", text: string) => void) {
    this.#log = log;
  }

  info(feed: string, text: string): void {
    this.#log("info", oneLine(`threat feed ${feed}: ${text}`));
  }

  /** Tells of a trouble, unless that was the last thing told about this. */
  warn(feed: string, about: string, reason: string): void {
    let told = this.#told.get(feed);
    if (!told) this.#told.set(feed, told = new Map());
    if (told.get(about) === reason) return;
    told.set(about, reason);
    this.#log("warn", oneLine(`threat feed ${feed}: ${reason}`));
  }

  /** The trouble is over: should it come again, it is told again. */
  settle(feed: string, about: string): void {
    this.#told.get(feed)?.delete(about);
  }

  /** The feed is gone. */
  forget(feed: string): void {
    this.#told.delete(feed);
  }
}

/** Whatever a feed or a configuration brings: one line of the log is one line. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, 500);
}
