/** What the terminal can do, and how large it is. */

/** A stream of this process. */
interface Stream {
  isTerminal(): boolean;
}

/** Size of a terminal. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Of a terminal that does not know its own: what serial consoles and programs go by. */
const USUAL_SIZE: ScreenSize = { columns: 80, rows: 24 };

/** Whether the stream is a terminal that knows colours and moving the cursor. */
export function canDraw(stream: Stream = Deno.stdout): boolean {
  return stream.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

/** Size of the terminal that standard output is. */
export function terminalSize({ columns, rows } = Deno.consoleSize()): ScreenSize {
  return { columns: columns || USUAL_SIZE.columns, rows: rows || USUAL_SIZE.rows };
}

/** Columns of the terminal that standard output is; a pipe has no end. */
export function terminalWidth(): number {
  return Deno.stdout.isTerminal() ? terminalSize().columns : Infinity;
}
