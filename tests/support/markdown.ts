/** Code blocks and links of a page in Markdown. */

/** A fenced code block (CommonMark, section 4.5). */
export interface FencedBlock {
  /** Without the fences. */
  readonly text: string;
  /** Where the block's first line stands, from 1. */
  readonly line: number;
}

/** The blocks of a page that are in this language; an empty text for those in none. */
export function fencedBlocks(page: string, language: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [at, line] of page.split("\n").entries()) {
    const fence = /^```(\w*)\s*$/.exec(line);
    if (!fence) open?.lines.push(line);
    else if (!open) open = { language: fence[1], line: at + 2, lines: [] };
    else {
      if (open.language === language) blocks.push({ text: open.lines.join("\n"), line: open.line });
      open = undefined;
    }
  }
  if (open) throw new Error(`the block that begins on line ${open.line} does not end`);
  return blocks;
}
