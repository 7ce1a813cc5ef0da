/** Texts of lines: finding them in blocks of bytes, and what all such feeds have in common. */
import { FeedError } from "../feed.ts";
import { byteText } from "./address_bytes.ts";
import type { FeedEntries } from "./feed_entries.ts";
import type { FormatReader } from "./format_reader.ts";

/** Reads one line that is neither empty nor a comment, blanks at both its ends left out. */
export type ReadLine = (bytes: Uint8Array, start: number, end: number) => void;

/** A longer line is malformed, in bytes. It is not kept while it comes. */
export const LONGEST_LINE = 4096;

const NEWLINE = 0x0a, HASH = 0x23, SEMICOLON = 0x3b, CAPITAL_E = 0x45;

/** Whether the byte is a blank: space, tab, and what else `\s` means in ASCII. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** Calls a line reader for each line of the blocks; comments begin with `#` or `;`. */
export class LineReader implements FormatReader {
  readonly unit = "lines";
  /** The beginning of a line whose end has not come yet. */
  readonly #begun = new Uint8Array(LONGEST_LINE);
  #begunLength = 0;
  /** The line that comes is too long; what was kept of it is forgotten. */
  #isTooLong = false;
  /** Records when the last end marker stood. */
  #counted = 0;

  constructor(readonly entries: FeedEntries, readonly readLine: ReadLine) {}

  block(bytes: Uint8Array): void {
    let start = 0;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, start);
      if (newline < 0) break;
      if (this.#begunLength > 0 || this.#isTooLong) {
        this.#keep(bytes, start, newline);
        this.#endBegun();
      } else {
        this.#line(bytes, start, newline);
      }
      start = newline + 1;
    }
    this.#keep(bytes, start, bytes.length);
  }

  end(): void {
    if (this.#begunLength === 0 && !this.#isTooLong) return;
    const before = this.entries.malformed;
    this.#endBegun();
    const { malformed, records } = this.entries;
    // Where nothing at all could be read, that is the better reason.
    if (malformed > before && malformed < records) {
      throw new FeedError("is cut off: its last line is incomplete");
    }
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isTooLong || this.#begunLength + end - start > LONGEST_LINE) {
      this.#isTooLong = true;
      return;
    }
    this.#begun.set(bytes.subarray(start, end), this.#begunLength);
    this.#begunLength += end - start;
  }

  #endBegun(): void {
    if (this.#isTooLong) this.entries.refuse("malformed");
    else this.#line(this.#begun, 0, this.#begunLength);
    this.#isTooLong = false;
    this.#begunLength = 0;
  }

  #line(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > LONGEST_LINE) return this.entries.refuse("malformed");
    while (start < end && isBlank(bytes[start])) start++;
    while (start < end && isBlank(bytes[end - 1])) end--;
    if (start === end) return;
    if (bytes[start] === HASH) this.#checkEndMarker(bytes, start, end);
    else if (bytes[start] !== SEMICOLON) this.readLine(bytes, start, end);
  }

  /** Feodo Tracker's lists end with `# END 5 entries`: fewer have come when lines are missing. */
  #checkEndMarker(bytes: Uint8Array, start: number, end: number): void {
    let at = start + 1;
    while (at < end && isBlank(bytes[at])) at++;
    // Most comments need no more than a look at one byte.
    if (bytes[at] !== CAPITAL_E || end - start > 40) return;
    const marker = /^#\s*END\s*\(?(\d{1,9})\)?\s+entries/.exec(byteText(bytes, start, end));
    if (!marker) return;
    const found = this.entries.records - this.#counted;
    requireCount(found, Number(marker[1]));
    this.#counted = this.entries.records;
  }
}

/** Throws a FeedError where a feed holds another number of entries than it says. */
export function requireCount(found: number, said: number): void {
  if (found < said) throw new FeedError(`is cut off: ${found} of ${said} entries`);
  if (found > said) throw new FeedError(`is damaged: ${found} entries, where it says ${said}`);
}
