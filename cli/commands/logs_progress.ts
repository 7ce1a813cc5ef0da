/** Says on a terminal how far a search has come that takes long. */
import { canDraw } from "../terminal.ts";

/** Milliseconds before anything is said: most searches are over by then. */
const PATIENCE = 300;

const encoder = new TextEncoder();

/** A line on standard error, which goes again with the end of the search. */
export class SearchProgress implements Disposable {
  readonly #started = performance.now();
  readonly #canDraw = canDraw(Deno.stderr);
  #isShown = false;

  /** @param part how much of what may have to be searched was, 0 to 1 */
  tell(part: number): void {
    if (!this.#canDraw || performance.now() - this.#started < PATIENCE) return;
    this.#isShown = true;
    write(`\rsearching, ${Math.floor(100 * part)} % …\x1b[K`);
  }

  [Symbol.dispose](): void {
    if (this.#isShown) write("\r\x1b[K");
  }
}

/** A search goes on when nobody looks any more. */
function write(text: string): void {
  try {
    Deno.stderr.writeSync(encoder.encode(text));
  } catch { /* the terminal is gone */ }
}
