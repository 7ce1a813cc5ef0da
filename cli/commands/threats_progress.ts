/** How an update goes: a line a feed that is redrawn on a terminal, and in a pipe a line when done. */
import type { FeedState } from "../../intel/feed.ts";
import { formatBytes, formatCount, paint, plural, writeOut } from "../output.ts";
import { canDraw, type ScreenSize, terminalSize } from "../terminal.ts";
import { fitText, padText, textWidth } from "../text_width.ts";
import { foreignText } from "./foreign_text.ts";

/** Columns that a name may take on a terminal. */
const WIDEST_NAME = 32;

/** Where the lines go; for tests. */
export interface ProgressScreen {
  /** `undefined`: no terminal that lines can be redrawn on. */
  size(): ScreenSize | undefined;
  write(text: string): void;
}

const STANDARD_OUTPUT: ProgressScreen = {
  size: () => canDraw() ? terminalSize() : undefined,
  write: (text) => void writeOut(text),
};

/** Draws the feeds that are fetched. */
export class UpdateProgress {
  readonly #names: readonly string[];
  readonly #isSilent: boolean;
  readonly #screen: ProgressScreen;
  /** States as they were first seen: what changes is told. */
  readonly #before = new Map<string, FeedState>();
  readonly #received = new Map<string, number>();
  /** Feeds whose turn has come; two are fetched at once. */
  readonly #begun = new Set<string>();
  readonly #told = new Set<string>();
  #drawn = 0;

  /** @param isSilent nothing is written */
  constructor(
    names: readonly string[],
    isSilent: boolean,
    screen: ProgressScreen = STANDARD_OUTPUT,
  ) {
    this.#names = names;
    this.#isSilent = isSilent;
    this.#screen = screen;
  }

  /** Takes the states of all feeds. */
  show(states: readonly FeedState[]): void {
    const asked = states.filter(({ name }) => this.#names.includes(name));
    for (const state of asked) this.#note(state);
    if (this.#isSilent) return;
    const size = this.#screen.size();
    // More lines than the screen has could not be drawn over.
    if (size && asked.length < size.rows) return this.#redraw(asked, size.columns);
    for (const state of asked) {
      if (state.status !== "fetching" && this.#begun.has(state.name)) this.#tell(state);
    }
  }

  /** Takes the last states: now every feed is done. */
  end(asked: readonly FeedState[]): void {
    for (const { name } of asked) this.#begun.add(name);
    if (this.#isSilent) return;
    if (this.#drawn > 0) return this.show(asked);
    for (const state of asked) this.#tell(state);
  }

  #note(state: FeedState): void {
    const { name, status, receivedBytes } = state;
    if (!this.#before.has(name)) this.#before.set(name, state);
    if (status === "fetching") this.#begun.add(name);
    this.#received.set(name, Math.max(receivedBytes, this.#received.get(name) ?? 0));
  }

  #tell(state: FeedState): void {
    if (this.#told.has(state.name)) return;
    this.#told.add(state.name);
    this.#screen.write(`${foreignText(state.name, 60)}: ${this.#outcome(state)}\n`);
  }

  #redraw(asked: readonly FeedState[], columns: number): void {
    const width = Math.min(WIDEST_NAME, Math.max(...asked.map(({ name }) => textWidth(name))));
    const lines = asked.map((state) => {
      const name = padText(fitText(foreignText(state.name), width), width);
      const bytes = formatBytes(this.#received.get(state.name) ?? 0).padStart(9);
      // A line that wraps would take two, and the next drawing would begin too low.
      const text = fitText(`${name}  ${bytes}  ${this.#outcome(state)}`, columns - 1);
      return `\x1b[2K${paint(this.#color(state), text)}\n`;
    });
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    this.#screen.write(up + lines.join(""));
    this.#drawn = lines.length;
  }

  #outcome(state: FeedState): string {
    const count = plural(state.entries, "entry", "entries");
    if (state.status === "fetching") return "fetching";
    if (!this.#begun.has(state.name)) return "waiting";
    if (state.error !== null) {
      const kept = state.fetchedAt === null ? "nothing yet" : `kept the old list, ${count}`;
      return `${kept}: ${foreignText(state.error)}`;
    }
    const refused = Object.values(state.refused).reduce((sum, number) => sum + number, 0);
    const isSame = this.#before.get(state.name)?.fetchedAt === state.fetchedAt;
    return count + (refused > 0 ? `, ${formatCount(refused)} refused` : "") +
      (isSame ? ", unchanged" : "");
  }

  #color({ name, status, error }: FeedState): "gray" | "yellow" | "green" {
    if (status === "fetching" || !this.#begun.has(name)) return "gray";
    return error !== null ? "yellow" : "green";
  }
}
