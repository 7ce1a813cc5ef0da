/**
 * The last policies that were put in place, as the texts of the configuration: `history/` in the
 * data directory holds one compressed file for each and `index.json`, which alone says what is
 * there. Files that no index names are left over from a crash and go with the next entry. A long
 * text is kept as what differs from the one before it, which then stays as long as it is needed.
 */
import { join } from "node:path";
import { errorText, ExitCode, PfwError } from "../errors.ts";
import { createAtomically, withLock } from "../atomic_file.ts";
import { packDifference, packText, unpackDifference, unpackText } from "./history_text.ts";

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

/** An entry as the index has it. */
interface StoredEntry extends HistoryEntry {
  /** The number of the entry that its file says the difference from; absent: it has all of it. */
  readonly base?: number;
}

/** What `index.json` says. */
interface Index {
  readonly entries: readonly StoredEntry[];
  /** Older ones that are no entries any more, and that entries build on. */
  readonly bases: readonly StoredEntry[];
}

/** A text that this process knows to be the newest one, as long as nobody touches the index. */
interface Newest {
  readonly number: number;
  readonly hash: string;
  readonly text: string;
  readonly stamp: string;
}

/** Entries that are kept, and bytes that their files may take; the newest stays in any case. */
export const HISTORY_LIMITS = { entries: 20, bytes: 64 * 1024 * 1024 } as const;
/** At most so many differences follow one another until a text is kept whole again. */
const LONGEST_CHAIN = 16;
/** Milliseconds until work begins that nobody waits for: first comes the answer. */
const PAUSE = 10;
/** Longest command that is remembered, in UTF-16 units. */
const COMMAND_LENGTH = 300;

/** The history of one data directory. */
export class PolicyHistory {
  readonly #directory: string;
  readonly #index: string;
  #newest: Newest | undefined;
  /** What `addSoon` began last; never fails. */
  #adding: Promise<void> = Promise.resolve();

  constructor(dataDir: string) {
    this.#directory = join(dataDir, "history");
    this.#index = join(this.#directory, "index.json");
  }

  /** Every entry, the oldest first; empty where there is no history or it is damaged. */
  async entries(): Promise<HistoryEntry[]> {
    await this.#waitForOthers();
    return (await this.#read()).entries.map(({ base: _, ...entry }) => entry);
  }

  async #read(): Promise<Index> {
    let text: string;
    try {
      text = await Deno.readTextFile(this.#index);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return NOTHING;
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
    await this.#waitForOthers();
    const { entries, bases } = await this.#read();
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
      let text = "";
      for (const { number, base } of chainOf(entry, [...bases, ...entries])) {
        const bytes = await Deno.readFile(this.#file(number));
        text = base === undefined ? unpackText(bytes) : unpackDifference(text, bytes);
      }
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
    await this.#adding;
    await this.#addLocked(text, command, user, () => Promise.resolve());
  }

  /**
   * The same for who shall not wait until it is on the disk: returns once whoever reads the history,
   * here or in another process, waits for it.
   *
   * @param failed told why it cannot be written
   */
  async addSoon(
    text: string,
    command: string,
    user: string,
    failed: (error: unknown) => void,
  ): Promise<void> {
    await this.#adding;
    const { promise, resolve } = Promise.withResolvers<void>();
    const pause = () => {
      resolve();
      return new Promise<void>((done) => setTimeout(done, PAUSE));
    };
    this.#adding = this.#addLocked(text, command, user, pause).catch(failed).finally(resolve);
    await promise;
  }

  /** Waits until all is on the disk. */
  async settled(): Promise<void> {
    await this.#adding;
  }

  async #waitForOthers(): Promise<void> {
    await this.#adding;
    try {
      using lock = await Deno.open(`${this.#index}.lock`);
      await lock.lock(false);
    } catch {
      // Nobody has added anything, or it is not ours to read: reading says so.
    }
  }

  /** @param whenLocked waited for before anything is done */
  async #addLocked(
    text: string,
    command: string,
    user: string,
    whenLocked: () => Promise<void>,
  ): Promise<void> {
    if (this.#newest?.text === text && this.#newest.stamp === this.#stamp()) return;
    try {
      Deno.mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      await withLock(this.#index, async () => {
        await whenLocked();
        await this.#add(text, command, user);
      });
    } catch (error) {
      throw error instanceof PfwError ? error : historyError("cannot write the history", error);
    }
  }

  async #add(text: string, command: string, user: string): Promise<void> {
    const { entries, bases } = await this.#read();
    const before = entries.at(-1), known = [...bases, ...entries];
    const bytes = new TextEncoder().encode(text), hash = await hashOfBytes(bytes);
    if (before?.hash === hash) return this.#note(before, text);
    const { packed, base } = this.#pack(text, before, known);
    const number = (before?.number ?? 0) + 1;
    await createAtomically(this.#file(number), packed, 0o600);
    const entry: StoredEntry = {
      number,
      at: new Date().toISOString(),
      command: cut(command),
      user,
      hash,
      bytes: bytes.length,
      stored: packed.length,
      ...(base === undefined ? {} : { base }),
    };
    const kept = within([...entries, entry]);
    const index: Index = { entries: kept, bases: basesOf(kept, known) };
    await createAtomically(this.#index, `${JSON.stringify(index, null, 1)}\n`, 0o600);
    this.#note(entry, text);
    await this.#tidy([...index.bases, ...kept]);
  }

  /** As what differs from the newest text, where that is known and little. */
  #pack(text: string, before: StoredEntry | undefined, known: readonly StoredEntry[]) {
    const base = this.#newest;
    const isKnown = before !== undefined && base?.number === before.number &&
      base.hash === before.hash && isBetween(chainOf(before, known).length, 1, LONGEST_CHAIN);
    const packed = isKnown ? packDifference(base.text, text) : undefined;
    return packed ? { packed, base: base?.number } : { packed: packText(text) };
  }

  #note({ number, hash }: HistoryEntry, text: string): void {
    this.#newest = { number, hash, text, stamp: this.#stamp() };
  }

  /** Another one whenever somebody has written the index. */
  #stamp(): string {
    try {
      const { ino, size, mtime } = Deno.statSync(this.#index);
      return `${ino} ${size} ${mtime?.getTime()}`;
    } catch {
      return "";
    }
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
export function hashOf(text: string): Promise<string> {
  return hashOfBytes(new TextEncoder().encode(text));
}

async function hashOfBytes(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The entries whose files make up the text of one, the first of them whole; none if one is missing. */
function chainOf(entry: StoredEntry, known: readonly StoredEntry[]): StoredEntry[] {
  const chain = [entry];
  for (let { base } = entry; base !== undefined; base = chain[0].base) {
    const before = known.find(({ number }) => number === base);
    // Numbers fall along a chain, so that a damaged index leads nowhere for ever.
    if (!before || before.number >= chain[0].number) return [];
    chain.unshift(before);
  }
  return chain;
}

function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

/** What these entries build on and is none of them. */
function basesOf(entries: readonly StoredEntry[], known: readonly StoredEntry[]): StoredEntry[] {
  const all = [...known, ...entries];
  const needed = new Set(entries.flatMap((entry) => chainOf(entry, all)));
  return all.filter((one, at) =>
    needed.has(one) && all.indexOf(one) === at && !entries.includes(one)
  );
}

/** The newest entries that the limits allow. */
function within(entries: readonly StoredEntry[]): StoredEntry[] {
  const kept: StoredEntry[] = [];
  let bytes = 0;
  for (const entry of entries.slice(-HISTORY_LIMITS.entries).reverse()) {
    bytes += entry.stored;
    if (kept.length > 0 && bytes > HISTORY_LIMITS.bytes) break;
    kept.unshift(entry);
  }
  return kept;
}

const NOTHING: Index = { entries: [], bases: [] };

function parseIndex(text: string): Index {
  try {
    const { entries, bases } = JSON.parse(text);
    const good = (list: unknown) => Array.isArray(list) ? list.filter(isEntry) : [];
    return { entries: good(entries), bases: good(bases) };
  } catch {
    // A damaged index is an empty history: it must stand in nobody's way.
    return NOTHING;
  }
}

function isEntry(value: unknown): value is StoredEntry {
  const entry = (value ?? {}) as Record<string, unknown>;
  return ["number", "bytes", "stored"].every((key) => Number.isSafeInteger(entry[key])) &&
    ["at", "command", "user", "hash"].every((key) => typeof entry[key] === "string") &&
    (entry.base === undefined || Number.isSafeInteger(entry.base));
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
