/** Writes tar archives, as POSIX.1-1988 "ustar" has them: the same files give the same bytes. */

/** A regular file in an archive. */
export interface TarEntry {
  /** At most 100 bytes of ASCII. */
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;

/** An archive of regular files, owned by user and group 0, without times. */
export function tar(entries: readonly TarEntry[]): Uint8Array<ArrayBuffer> {
  const padded = (length: number) => Math.ceil(length / BLOCK) * BLOCK;
  const size = entries.reduce((sum, { bytes }) => sum + BLOCK + padded(bytes.length), 2 * BLOCK);
  const archive = new Uint8Array(size);
  let at = 0;
  for (const entry of entries) {
    archive.set(header(entry), at);
    archive.set(entry.bytes, at + BLOCK);
    at += BLOCK + padded(entry.bytes.length);
  }
  return archive;
}

function header({ name, mode, bytes }: TarEntry): Uint8Array {
  if (name.length > 100 || /[^\x20-\x7e]/.test(name)) throw new RangeError(`bad name: ${name}`);
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0") + "\0";
  put(name, 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7) + octal(0, 7), 108); // owner, group
  put(octal(bytes.length, 11) + octal(0, 11), 124); // size, time
  put(" ".repeat(8), 148); // the checksum is taken as if it were blanks
  put("0", 156); // a regular file
  put("ustar\0" + "00", 257); // magic, version
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(sum.toString(8).padStart(6, "0") + "\0 ", 148);
  return block;
}
