/** Text for the man macros of roff, groff_man(7): what is written is what is read. */

/**
 * A text within a line: backslashes stay, a hyphen is the one that can be copied into a shell, and
 * nothing begins a request or sends what the roff program would act on.
 */
export function roffText(text: string): string {
  const plain = text.replace(/\\/g, "\\e").replace(/-/g, "\\-").replace(/[‘’']/g, "\\(aq")
    .replace(/`/g, "\\(ga").replace(/\^/g, "\\(ha").replace(/~/g, "\\(ti").replace(/"/g, "\\(dq");
  return plain.replace(/[^\x20-\x7e]/gu, glyph);
}

/** Characters beyond ASCII by their number, groff_char(7); a control character is left out. */
function glyph(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0xa0) return code === 0x0a || code === 0x09 ? " " : "";
  return `\\[u${code.toString(16).toUpperCase().padStart(4, "0")}]`;
}

/** Lines of prose; an empty text is no line. */
export function paragraph(text: string): string[] {
  return text === "" ? [] : [guarded(roffText(text))];
}

/** Lines as they are, indented. */
export function literal(lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [".PP", ".RS 4", ".nf", ...lines.map((line) => guarded(roffText(line))), ".fi", ".RE"];
}

/** A term in bold and what it means, indented below it. */
export function entry(term: string, meaning: string): string[] {
  return [".TP", `\\fB${roffText(term)}\\fR`, guarded(roffText(meaning)) || "\\&"];
}

/** A heading of the page. */
export function heading(text: string): string {
  return `.SH ${roffText(text)}`;
}

/** A heading below it. */
export function subheading(text: string): string {
  return `.SS "${roffText(text)}"`;
}

/** A dot at the beginning of a line would be a request; quotes are gone already. */
function guarded(line: string): string {
  return line.startsWith(".") ? `\\&${line}` : line;
}
