/**
 * Text from elsewhere (rule names, feeds, what packets caused) made safe to look at. It never
 * becomes markup anyway; but characters that are not seen, or that turn what stands beside them
 * around (CVE-2021-42574), could make it say something else.
 */

/** Longer text is cut: a name of a megabyte would push everything else off the page. */
const MOST = 400;

/**
 * Control, format, surrogate, private-use and separator characters other than the blank; apart from
 * what joins one emoji, or letters after a virama (RFC 5892, appendix A.2). Anywhere else a joiner
 * would be a difference between two names that nobody sees.
 */
const HIDDEN =
  /(\p{RGI_Emoji}|[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca]\u200d(?=\p{L}))|[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0]/gv;

/** More marks on one letter than any language has would cover the lines above and below. */
const PILED = /(\p{M}{4})\p{M}+/gu;

/** The text with every character that is not seen shown by its number. */
export function visible(text: string): string {
  const short = text.length > MOST ? `${text.slice(0, MOST)}…` : text;
  return short.replace(PILED, "$1…").replace(HIDDEN, (character, joined?: string) => {
    if (joined !== undefined) return joined;
    const code = character.codePointAt(0)!.toString(16).toUpperCase();
    return `⟨U+${code.padStart(4, "0")}⟩`;
  });
}
