/** The way of a feed's text into its reader: counted, capped, in slices with pauses between them. */
import { type FeedContent, FeedError } from "./feed.ts";

/** What turns the text into a list: `FeedReader`. */
export interface Reader {
  write(chunk: Uint8Array): void;
  end(): FeedContent;
}

/** Takes a text piece by piece. */
export class Intake {
  readonly #reader: Reader;
  readonly #limit: number;
  readonly #onProgress: ((bytes: number) => void) | undefined;
  #bytes = 0;
  #sliceBegan = performance.now();

  constructor(reader: Reader, limit: number, onProgress?: (bytes: number) => void) {
    this.#reader = reader;
    this.#limit = limit;
    this.#onProgress = onProgress;
  }

  /** @throws FeedError past the limit, and what the reader throws */
  async take(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.length;
    this.requireFits(this.#bytes);
    for (let at = 0; at < chunk.length; at += PIECE) {
      this.#reader.write(chunk.subarray(at, at + PIECE));
      await this.#pause();
    }
    this.#onProgress?.(this.#bytes);
  }

  /** @throws FeedError for more bytes than the limit */
  requireFits(bytes: number): void {
    if (bytes <= this.#limit) return;
    throw new FeedError(`larger than ${Math.floor(this.#limit / 1e6)} MB`);
  }

  /** What the text said. */
  end(): { content: FeedContent; bytes: number } {
    return { content: this.#reader.end(), bytes: this.#bytes };
  }

  async #pause(): Promise<void> {
    if (performance.now() - this.#sliceBegan < SLICE) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#sliceBegan = performance.now();
  }
}

/** Bytes that the reader gets at once, and milliseconds after which packets have their turn. */
const PIECE = 16 * 1024, SLICE = 4;
