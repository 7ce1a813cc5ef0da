/**
 * The last policies that were put in place, as the texts of the configuration: `history/` in the
 * data directory holds one compressed file for each and `index.json`, which alone says what is
 * there. Files that no index names are left over from a crash and go with the next entry.
 */
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { errorText, ExitCode, PfwError } from "../errors.ts";
import { createAtomically, createBytesAtomically, withLock } from "../atomic_file.ts";
import { MAX_CONFIG_BYTES } from "./config_file.ts";

/** What is remembered of one policy. */
export interface HistoryEntry {
  /** Counts up and is never given twice, so that it means the same tomorrow. */
  readonly number: number;
  /** ISO 8601 UTC: when it was put in place. */
  readonly at: string;
  /** The command, e.g. `rules add "No telnet" block`, or what else put it in place. */
  readonly command: string;
  readonly user: string;
  /** SHA-256 of the text, 64 hex digits. */
  readonly hash: string;
  /** Bytes of the text. */
  readonly bytes: number;
  /** Bytes of the compressed file. */
  readonly stored: number;
}

/** Entries that are kept, and bytes that their files may take; the newest stays in any case. */
export const HISTORY_LIMITS = { entries: 20, bytes: 64 * 1024 * 1024 } as const;
/** Longest command that is remembered, in UTF-16 units. */
const COMMAND_LENGTH = 300;

/** The history of one data directory. */
export class PolicyHistory {
  readonly #directory: string;
  readonly #index: string;

  constructor(dataDir: string) {
    this.#directory = join(dataDir, "history");
    this.#index = join(this.#directory, "index.json");
  }

  /** Every entry, the oldest first; empty where there is no history or it is damaged. */
  async entries(): Promise<HistoryEntry[]> {
    let text: string;
    try {
      text = await Deno.readTextFile(this.#index);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw historyError("cannot read the history", error);
    }
    return parseIndex(text);
  }

  /** The newest entry: what was put in place last. */
  async newest(): Promise<HistoryEntry | undefined> {
    return (await this.entries()).at(-1);
  }

  /**
   * The configuration of an entry.
   *
   * @throws PfwError (exit 2) for a number that is not there; (1) when its file is damaged
   */
  async text(number: number): Promise<string> {
    const entries = await this.entries();
    const entry = entries.find((one) => one.number === number);
    if (!entry) {
      const why = entries.length === 0
        ? "the history is empty"
        : `it has ${entries[0].number} to ${entries.at(-1)!.number}`;
      throw new PfwError(
        `there is no entry ${number}`,
        why,
        "see pfw rules history",
        ExitCode.usage,
      );
    }
    try {
      const compressed = await Deno.readFile(this.#file(number));
      const bytes = gunzipSync(compressed, { maxOutputLength: MAX_CONFIG_BYTES });
      const text = new TextDecoder().decode(bytes);
      if (await hashOf(text) !== entry.hash) throw new Error("its checksum does not match");
      return text;
    } catch (error) {
      throw historyError(`cannot read entry ${number} of the history`, error);
    }
  }

  /**
   * Adds an entry unless the newest one has the same text already, and drops what is too much.
   *
   * @throws PfwError when it cannot be written; the history is then as it was
   */
  async add(text: string, command: string, user: string): Promise<void> {
    try {
      await Deno.mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await withLock(this.#index, () => this.#add(text, command, user));
    } catch (error) {
      throw error instanceof PfwError ? error : historyError("cannot write the history", error);
    }
  }

  async #add(text: string, command: string, user: string): Promise<void> {
    const before = await this.entries();
    const hash = await hashOf(text);
    if (before.at(-1)?.hash === hash) return;
    const bytes = new TextEncoder().encode(text);
    const compressed = gzipSync(bytes);
    const number = (before.at(-1)?.number ?? 0) + 1;
    await createBytesAtomically(this.#file(number), compressed, 0o600);
    const entry: HistoryEntry = {
      number,
      at: new Date().toISOString(),
      command: cut(command),
      user,
      hash,
      bytes: bytes.length,
      stored: compressed.length,
    };
    const kept = within([...before, entry]);
    await createAtomically(this.#index, `${JSON.stringify({ entries: kept }, null, 1)}\n`, 0o600);
    await this.#tidy(kept);
  }

  async #tidy(kept: readonly HistoryEntry[]): Promise<void> {
    const names = new Set(kept.map(({ number }) => `${number}.gz`));
    for await (const { name } of Deno.readDir(this.#directory)) {
      if (!/^\d+\.gz$/.test(name) || names.has(name)) continue;
      await Deno.remove(join(this.#directory, name)).catch(() => {});
    }
  }

  #file(number: number): string {
    return join(this.#directory, `${number}.gz`);
  }
}

/** SHA-256 of a text as 64 hex digits. */
export async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

/** The newest entries that the limits allow. */
function within(entries: readonly HistoryEntry[]): HistoryEntry[] {
  const kept: HistoryEntry[] = [];
  let bytes = 0;
  for (const entry of entries.slice(-HISTORY_LIMITS.entries).reverse()) {
    bytes += entry.stored;
    if (kept.length > 0 && bytes > HISTORY_LIMITS.bytes) break;
    kept.unshift(entry);
  }
  return kept;
}

function parseIndex(text: string): HistoryEntry[] {
  try {
    const { entries } = JSON.parse(text);
    return Array.isArray(entries) ? entries.filter(isEntry) : [];
  } catch {
    // A damaged index is an empty history: it must stand in nobody's way.
    return [];
  }
}

function isEntry(value: unknown): value is HistoryEntry {
  const entry = (value ?? {}) as Record<string, unknown>;
  return ["number", "bytes", "stored"].every((key) => Number.isSafeInteger(entry[key])) &&
    ["at", "command", "user", "hash"].every((key) => typeof entry[key] === "string");
}

function cut(command: string): string {
  return command.length > COMMAND_LENGTH ? `${command.slice(0, COMMAND_LENGTH - 1)}…` : command;
}

function historyError(what: string, error: unknown): PfwError {
  const denied = error instanceof Deno.errors.PermissionDenied;
  return new PfwError(
    what,
    denied ? "permission denied" : errorText(error),
    denied ? "run it with sudo" : "",
    denied ? ExitCode.missing : ExitCode.failed,
    { cause: error },
  );
}
