/** Reads the text of a threat feed, in whatever form and pieces it comes. */
import { type FeedContent, FeedError, type FeedFormat } from "./feed.ts";
import { FeedEntries } from "./formats/feed_entries.ts";
import { readFeodoCsv } from "./formats/feodo_csv.ts";
import type { FormatOptions, FormatReader } from "./formats/format_reader.ts";
import { JSON_FORMS } from "./formats/json_forms.ts";
import { JsonRecordReader } from "./formats/json_records.ts";
import { LineReader, type ReadLine } from "./formats/lines.ts";
import { recognise } from "./formats/recognise.ts";
import { readIpsum, readOtxReputation, readPlain, readTor } from "./formats/text_forms.ts";

/** What may be set about reading a feed. */
export interface FeedReaderOptions {
  /** With `ipsum`: the smallest count that is taken. With `abuseipdb`: the smallest score. */
  readonly minimum?: number;
  /** Distinct entries at most, a quarter of it of IPv6; 2,000,000 by default. */
  readonly maxEntries?: number;
  /** Milliseconds since 1970: decisions that end before are expired. */
  readonly now?: number;
}

/**
 * Bytes that are read at a time, however they arrive: what a feed is taken for, or refused for,
 * cannot depend on how a server cuts it.
 */
const BLOCK = 65_536;

const TEXT_FORMS: Readonly<
  Partial<Record<FeedFormat, (entries: FeedEntries, options: FormatOptions) => ReadLine>>
> = {
  plain: readPlain,
  ipsum: readIpsum,
  feodo_csv: readFeodoCsv,
  otx_reputation: readOtxReputation,
  tor: readTor,
};

/**
 * Reads a feed piece by piece; memory is bounded by the entries, never by the text.
 *
 * Errors are `FeedError`s whose message continues the feed's name: `is an HTML page`. After one
 * the reader throws it again, whatever it is asked.
 */
export class FeedReader {
  readonly #entries: FeedEntries;
  readonly #options: FormatOptions;
  readonly #block = new Uint8Array(BLOCK);
  #filled = 0;
  #reader: FormatReader | undefined;
  #format: FeedFormat | undefined;
  #failure: unknown;

  /** @param format `auto` takes the form from the text */
  constructor(readonly format: FeedFormat | "auto", options: FeedReaderOptions = {}) {
    this.#entries = new FeedEntries(options.maxEntries ?? 2_000_000);
    this.#options = { minimum: options.minimum ?? 0, now: options.now ?? Date.now() };
  }

  /** The next piece; it is the caller's again afterwards. Throws FeedError with the reason. */
  write(chunk: Uint8Array): void {
    this.#guarded(() => {
      for (let at = 0; at < chunk.length;) {
        const piece = chunk.subarray(at, at + BLOCK - this.#filled);
        this.#block.set(piece, this.#filled);
        this.#filled += piece.length;
        at += piece.length;
        if (this.#filled === BLOCK) this.#readBlock(false);
      }
    });
  }

  /** The text is over: what it says. Throws FeedError with the reason. */
  end(): FeedContent {
    return this.#guarded(() => {
      this.#readBlock(true);
      this.#reader!.end();
      return this.#entries.content(this.#format!, this.#reader!.unit);
    });
  }

  #guarded<T>(action: () => T): T {
    if (this.#failure) throw this.#failure;
    try {
      return action();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  #readBlock(isLast: boolean): void {
    let bytes = this.#block.subarray(0, this.#filled);
    this.#filled = 0;
    if (!this.#reader) {
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
      this.#format = this.#formOf(bytes, isLast);
      this.#reader = this.#readerFor(this.#format);
    }
    if (bytes.length === 0) return;
    if (bytes.indexOf(0) >= 0) throw new FeedError("is binary, not text");
    this.#reader.block(bytes);
  }

  #formOf(head: Uint8Array, isWhole: boolean): FeedFormat {
    const { forms, kind } = recognise(head, isWhole);
    if (this.format === "auto") {
      if (forms.length === 0) throw new FeedError(`is ${kind} of a form that is not known`);
      return forms[0];
    }
    if (forms.length > 0 && !forms.includes(this.format)) {
      throw new FeedError(`is ${forms[0]}, not ${this.format}`);
    }
    if ((this.format in JSON_FORMS) !== (kind === "JSON")) {
      throw new FeedError(`is ${kind}, not ${this.format}`);
    }
    return this.format;
  }

  #readerFor(format: FeedFormat): FormatReader {
    const readLines = TEXT_FORMS[format];
    if (readLines) return new LineReader(this.#entries, readLines(this.#entries, this.#options));
    const form = JSON_FORMS[format as keyof typeof JSON_FORMS];
    return new JsonRecordReader(form, this.#entries, this.#options);
  }
}
