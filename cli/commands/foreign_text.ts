/** Text that others wrote (feeds, reasons, servers), made fit for one line of a terminal. */

// Everything that drives a terminal, colours too, and what breaks the line or reorders it (Unicode
// bidirectional formatting, CVE-2021-42574); lone surrogates cannot be written at all.
const UNFIT = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** Characters that are shown of one text. */
const LONGEST = 200;

/** The text with such characters made visible, cut after `longest` characters. */
export function foreignText(text: string, longest: number = LONGEST): string {
  // Cut first: what is never shown need not be searched.
  const shown = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return shown.replace(UNFIT, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
