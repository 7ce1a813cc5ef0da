/** The second way to make `./pfw`: a shell stub, then Deno and the bundle as a compressed tar. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tar, type TarEntry } from "./tar.ts";
import { RUNTIME_FLAGS } from "./runtime_flags.ts";

/** How to pack. */
export interface PackOptions {
  /** Deno's program. */
  readonly deno: string;
  /** The bundle: `main.js`, `place.js` and what belongs to them; no folders. */
  readonly directory: string;
  readonly output: string;
  /** gzip's level, 1 to 9. */
  readonly level?: number;
}

/** Writes one file that unpacks itself; the same input gives the same bytes. */
export async function packSelfExtracting(options: PackOptions): Promise<void> {
  const entries = await payloadEntries(options);
  const payload = gzipSync(tar(entries), { level: options.level ?? 6 });
  const stub = new TextEncoder().encode(fillStub(
    await Deno.readTextFile(join(import.meta.dirname!, "self_extracting.sh")),
    createHash("sha256").update(payload).digest("hex"),
    entries,
  ));
  await Deno.writeFile(options.output, stub);
  await Deno.writeFile(options.output, payload, { append: true });
  await Deno.chmod(options.output, 0o755);
}

async function payloadEntries({ deno, directory }: PackOptions): Promise<TarEntry[]> {
  const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
  const entries = names.map(async (name) => ({
    name,
    mode: 0o600,
    bytes: await Deno.readFile(join(directory, name)),
  }));
  // Called `pfw`, so that it carries that name among the running programs.
  const runtime = { name: "pfw", mode: 0o700, bytes: await Deno.readFile(deno) };
  return [runtime, ...await Promise.all(entries)].sort((a, b) => a.name < b.name ? -1 : 1);
}

const OFFSET = "@OFFSET@";

/** The stub with its blanks filled in; the offset counts the stub's own length. */
function fillStub(template: string, hash: string, entries: readonly TarEntry[]): string {
  const files = entries.map(({ name, bytes }) => `${name}:${bytes.length} `).join("");
  const filled = template
    .replace("@HASH@", hash)
    .replace("@RUNTIME_FLAGS@", RUNTIME_FLAGS.join(" "))
    .replace("'@FILES@'", () => `'${files}'`);
  // As wide as the blank: filling it in leaves the length as it is.
  const length = new TextEncoder().encode(filled).length;
  return filled.replace(OFFSET, String(length + 1).padEnd(OFFSET.length));
}
