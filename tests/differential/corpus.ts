/** Differences that were found once, kept as files so that they never come back. */
import type { PolicyText, Shot, Way } from "./scenario.ts";
import type { Fate } from "./scenario.ts";

/** One packet of an entry. */
interface SavedShot {
  readonly way: Way;
  /** The whole packet, in hex. */
  readonly whole: string;
  /** Its fragments, where it was sent in any. */
  readonly pieces?: readonly string[];
  /** What the kernel did with it. */
  readonly expected: Fate;
}

/** One file. */
export interface CorpusEntry {
  /** What differed, and how. */
  readonly note: string;
  readonly policy: PolicyText;
  readonly packets: readonly SavedShot[];
}

const FOLDER = new URL("./corpus/", import.meta.url);

/** All entries with their file names, in the order of the names. */
export function readCorpus(): [name: string, entry: CorpusEntry][] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".json")).sort()
    .map((name) => [name, JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER)))]);
}

/** The packets of an entry, numbered from 1. */
export function shotsOf({ packets }: CorpusEntry): Shot[] {
  return packets.map(({ way, whole, pieces = [whole] }, at) => ({
    id: at + 1,
    way,
    whole: Uint8Array.fromHex(whole),
    pieces: pieces.map((piece) => Uint8Array.fromHex(piece)),
  }));
}

/** Writes an entry; returns its path. */
export function saveEntry(
  name: string,
  note: string,
  policy: PolicyText,
  shots: readonly Shot[],
  fates: readonly (Fate | undefined)[],
): string {
  const packets = shots.map(({ way, whole, pieces }, at): SavedShot => ({
    way,
    whole: whole.toHex(),
    ...(pieces.length > 1 ? { pieces: pieces.map((piece) => piece.toHex()) } : {}),
    expected: fates[at] ?? "nothing",
  }));
  const url = new URL(`${name}.json`, FOLDER);
  const entry: CorpusEntry = { note, policy, packets };
  Deno.writeTextFileSync(url, JSON.stringify(entry, null, 2) + "\n");
  return url.pathname;
}
