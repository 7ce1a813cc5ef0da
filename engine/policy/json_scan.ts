/** One cheap pass over JSON text for what `JSON.parse` does not tell. */

/** What the text holds outside its strings. */
export interface JsonShape {
  /** How deep brackets and braces nest. */
  readonly depth: number;
  /** Colons: the number of properties, repeated ones included. */
  readonly properties: number;
}

const QUOTE = 0x22, COLON = 0x3a, BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d, OPEN_BRACE = 0x7b, CLOSE_BRACE = 0x7d;

/** Measures any text; what it says of text that is not JSON is only roughly right. */
export function scanJson(text: string): JsonShape {
  let depth = 0, deepest = 0, properties = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COLON) properties++;
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (++depth > deepest) deepest = depth;
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth--;
  }
  return { depth: deepest, properties };
}

/** The offset of the quote that closes the string which opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}

/** The properties in a parsed value; fewer than `JsonShape.properties` when one was repeated. */
export function countProperties(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const child of Object.values(value)) {
    if (typeof child === "object") count += countProperties(child);
  }
  return count;
}
