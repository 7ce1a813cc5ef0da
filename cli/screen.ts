/** A terminal's whole screen, drawn again and again without flicker, and given back at the end. */
import { writeOut } from "./output.ts";
import { type ScreenSize, terminalSize } from "./terminal.ts";
import { fitText, textWidth } from "./text_width.ts";

/** The other screen, no cursor, no wrapping of lines. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/** A terminal that knows these shows what is between them all at once. */
const BEGIN_UPDATE = "\x1b[?2026h", END_UPDATE = "\x1b[?2026l";

/** Takes the screen over; `dispose` gives it back as it was. */
export class Screen implements Disposable {
  readonly #render: (size: ScreenSize) => readonly string[];
  readonly #redraw = () => void this.draw();

  /** @param render the lines to show; called also when the terminal changes its size */
  constructor(render: (size: ScreenSize) => readonly string[]) {
    this.#render = render;
    Deno.addSignalListener("SIGWINCH", this.#redraw);
    writeOut(ENTER);
  }

  /** Draws; false when the terminal is gone. */
  draw(): boolean {
    const size = terminalSize();
    return writeOut(drawing(this.#render(size), size));
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGWINCH", this.#redraw);
    writeOut(LEAVE);
  }
}

/**
 * What draws these lines over what the screen shows: each clears only what the last drawing left
 * behind it, so nothing is blank in between. What does not fit is left out.
 */
export function drawing(lines: readonly string[], { columns, rows }: ScreenSize): string {
  const shown = lines.slice(0, rows).map((line) => {
    const text = fitText(line, columns);
    // Behind the last column the cursor still stands on it, and clearing would take it away.
    return textWidth(text) < columns ? `${text}\x1b[K` : text;
  });
  const below = shown.length < rows ? "\r\n\x1b[J" : "";
  return `${BEGIN_UPDATE}\x1b[H${shown.join("\r\n")}${below}${END_UPDATE}`;
}
