/**
 * The tables that did not exist before pfw, remembered in a file so that a clean stop leaves no
 * trace even when a crash lies between.
 */
import { dirname } from "node:path";
import { FAMILIES, type Family } from "../net/address.ts";
import type { Commands } from "./command.ts";
import { readTables } from "./kernel_state.ts";
import { NftTables } from "./nft_table.ts";
import { type TableName, TABLES } from "./plan.ts";
import type { SavedTable, SavedTables } from "./saved_state.ts";

/** A table of one family. */
export interface TableKey {
  readonly family: Family;
  readonly table: TableName;
}

/** The file; JSON, mode 0600. */
export class CreatedTables {
  /** Those that this process noted: the run directory may be lost while pfw runs. */
  readonly #noted = new Set<string>();

  constructor(private readonly path: string) {}

  /** What was created so far, also by a process before this one. */
  async read(): Promise<TableKey[]> {
    const names = new Set([...this.#noted, ...await this.#readFile()]);
    return EVERY_TABLE.filter((key) => names.has(keyText(key)));
  }

  /** Nothing where the file is missing or is not ours. */
  async #readFile(): Promise<unknown[]> {
    try {
      const content: unknown = JSON.parse(await Deno.readTextFile(this.path));
      const names = (content as { createdTables?: unknown } | null)?.createdTables;
      return Array.isArray(names) ? names : [];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return [];
      throw error;
    }
  }

  /** Notes those of the tables that are missing now, before they are created. */
  async note(now: ReadonlyMap<Family, SavedTables>, wanted: readonly TableKey[]): Promise<void> {
    const known = await this.read();
    const names = new Set(known.map(keyText));
    for (const key of wanted) if (!now.get(key.family)?.has(key.table)) names.add(keyText(key));
    if (names.size === known.length) return;
    for (const name of names) this.#noted.add(name);
    await Deno.mkdir(dirname(this.path), { recursive: true, mode: 0o755 });
    const temporary = `${this.path}.new`;
    const text = JSON.stringify({ createdTables: [...names] }) + "\n";
    await Deno.writeTextFile(temporary, text, { mode: 0o600 });
    await Deno.rename(temporary, this.path);
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    this.#noted.clear();
    await Deno.remove(this.path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

const EVERY_TABLE: readonly TableKey[] = FAMILIES.flatMap((family) =>
  TABLES.map((table) => ({ family, table }))
);

function keyText({ family, table }: TableKey): string {
  return `${family}/${table}`;
}

const ATTEMPTS = 10;

/**
 * Deletes those of the tables that hold nothing but empty built-in chains with policy ACCEPT. One
 * that somebody else uses by now stays. Only for the nf_tables backend of iptables.
 */
export async function removeEmptyTables(
  commands: Commands,
  keys: readonly TableKey[],
): Promise<void> {
  if (keys.length === 0) return;
  using nft = new NftTables();
  for (const { family, table } of keys) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const generation = nft.generation();
      const saved = (await readTables(commands, family)).get(table);
      // The use count also covers what iptables does not show: sets and chains of the nft tool.
      if (!saved || !isEmpty(saved) || nft.useCount(family, table) !== saved.size) break;
      if (nft.delete(family, table, generation)) break;
    }
  }
}

function isEmpty(table: SavedTable): boolean {
  return [...table.values()].every((chain) =>
    chain.policy === "ACCEPT" && chain.rules.length === 0
  );
}
