/** How many columns of a terminal a text takes, and texts that are made to fit. */

/** Colours and the like, which take no column. */
// deno-lint-ignore no-control-regex
const STYLE = /\x1b\[[\d;]*m/g;

/** The same, kept by `split`. */
// deno-lint-ignore no-control-regex
const KEPT_STYLE = /(\x1b\[[\d;]*m)/;

/** Marks that stand on the character before them, joiners and variation selectors. */
const NO_WIDTH = /[\p{Mn}\p{Me}\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f]/u;

/** Two columns: East Asian wide and full-width characters (Unicode UAX #11), pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** ASCII without control characters: one column each. */
const PLAIN = /^[\x20-\x7e]*$/;

/** The columns that a text takes; colours take none. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text.replace(STYLE, "")) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  return NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** Blanks behind (or before) the text until it takes so many columns. */
export function padText(text: string, width: number, align: "left" | "right" = "left"): string {
  const blanks = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "left" ? text + blanks : blanks + text;
}

/** The text, or its beginning and an ellipsis where it takes more columns than `width`. */
export function fitText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let fitted = "", left = Math.max(1, width) - 1, hasStyle = false;
  for (const piece of text.split(KEPT_STYLE)) {
    if (piece.startsWith("\x1b[")) {
      fitted += piece;
      hasStyle = !piece.endsWith("[0m");
      continue;
    }
    for (const character of piece) {
      left -= characterWidth(character);
      if (left < 0) return `${fitted}…${hasStyle ? "\x1b[0m" : ""}`;
      fitted += character;
    }
  }
  return fitted;
}

/**
 * Text broken at blanks into lines of at most so many columns. A word that is longer than that, such
 * as a path, stays whole; a colour goes on in the next line.
 */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && textWidth(longer) > width) lines.push(word);
    else lines[Math.max(0, lines.length - 1)] = longer;
  }
  return lines;
}
