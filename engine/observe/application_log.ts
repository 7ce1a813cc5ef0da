/** `firewall.log`: what pfw did and what went wrong, one line each, rotated. */
import { dirname } from "node:path";
import { getRotatingFileSink } from "@logtape/file";
import type { LogLevel, LogRecord, Sink } from "@logtape/logtape";
import { errorText } from "../errors.ts";
import type { Paths } from "../paths.ts";

/** Bytes of one file, and how many older ones are kept (`firewall.log.1` to `.5`). */
const MAX_SIZE = 10_000_000;
const MAX_FILES = 5;

/** Milliseconds between two attempts to open a log that cannot be written. */
const RETRY_INTERVAL = 5_000;

/** Longest message, in characters: an error may quote what an attacker sent. */
const MAX_MESSAGE = 4_000;

/** Adjustments, for tests. */
export interface LogOptions {
  readonly maxSize?: number;
  /** Hears once when the log cannot be written; standard error by default. */
  readonly complain?: (text: string) => void;
}

/**
 * Opens the application log. A log that cannot be written is said once and tried again later; it
 * never ends pfw.
 */
export function openLog(paths: Paths, options: LogOptions = {}): AppLog {
  return new AppLog(paths.log, options);
}

/** Writes lines `2026-01-31T12:00:00.000Z INFO message`. No method throws. */
export class AppLog {
  /** Lines that could not be written since the start. */
  linesLost = 0;

  readonly #path: string;
  readonly #maxSize: number;
  readonly #complain: (text: string) => void;
  #sink: (Sink & Disposable) | undefined;
  #isFaulty = false;
  #retryAt = -Infinity;

  constructor(path: string, options: LogOptions = {}) {
    this.#path = path;
    this.#maxSize = options.maxSize ?? MAX_SIZE;
    this.#complain = options.complain ?? complainAloud;
    this.#guard(() => this.#open());
  }

  info(message: string): void {
    this.#write("info", message);
  }

  warn(message: string): void {
    this.#write("warning", message);
  }

  error(message: string): void {
    this.#write("error", message);
  }

  close(): void {
    this.#guard(() => this.#sink?.[Symbol.dispose]());
    this.#sink = undefined;
  }

  #write(level: LogLevel, message: string): void {
    const isWritten = this.#guard(() => {
      this.#sink ??= this.#open();
      this.#sink?.(recordOf(level, message));
      return this.#sink !== undefined;
    });
    if (!isWritten) this.linesLost++;
  }

  /** `undefined` while it is too early to try again. */
  #open(): (Sink & Disposable) | undefined {
    if (performance.now() < this.#retryAt) return undefined;
    Deno.mkdirSync(dirname(this.#path), { recursive: true, mode: 0o750 });
    const options = { append: true, create: true, mode: 0o640 };
    Deno.openSync(this.#path, options).close();
    this.#sink = getRotatingFileSink(this.#path, {
      maxSize: this.#maxSize,
      maxFiles: MAX_FILES,
      // Unbuffered: the last line before a crash is the one that matters.
      bufferSize: 0,
      formatter: formatLine,
    });
    return this.#sink;
  }

  /** Runs `work`; an error closes the log, is said once, and gives `undefined`. */
  #guard<T>(work: () => T): T | undefined {
    try {
      const result = work();
      if (this.#sink) this.#isFaulty = false;
      return result;
    } catch (error) {
      this.#abandon();
      this.#retryAt = performance.now() + RETRY_INTERVAL;
      if (!this.#isFaulty) {
        const why = errorText(error).replace(/ \(os error \d+\).*/, "");
        this.#complain(`pfw: cannot write ${this.#path}: ${why}; going on without it`);
      }
      this.#isFaulty = true;
      return undefined;
    }
  }

  #abandon(): void {
    try {
      this.#sink?.[Symbol.dispose]();
    } catch {
      // It failed already; a new one is made when writing is tried again.
    }
    this.#sink = undefined;
  }
}

/** Where the disk is full, standard error may be a file on it, too. */
function complainAloud(text: string): void {
  try {
    console.error(text);
  } catch { /* nobody can be told */ }
}

function recordOf(level: LogLevel, message: string): LogRecord {
  const text = neutralize(message);
  return {
    category: ["pfw"],
    level,
    message: [text],
    rawMessage: text,
    timestamp: Date.now(),
    properties: {},
  };
}

function formatLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString();
  return `${time} ${record.level.toUpperCase()} ${record.message.join("")}\n`;
}

/** Rule names, feeds and packets may hold control characters: none may forge a line or a colour. */
function neutralize(message: string): string {
  const cut = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
  return cut.replace(
    // deno-lint-ignore no-control-regex
    /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
