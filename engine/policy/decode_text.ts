/** Bytes of a file to text, or why they are none. */

/** The text, or what the bytes are instead. */
export type DecodedText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string; readonly line: number };

/** Strict UTF-8; a byte order mark at the start is skipped (RFC 8259, section 8.1, allows that). */
export function decodeText(bytes: Uint8Array): DecodedText {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { ok: false, why: "the file is UTF-16; save it as UTF-8", line: 1 };
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    return {
      ok: false,
      why: "the file holds a NUL byte: it is not text",
      line: lineOf(bytes, nul),
    };
  }
  try {
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    const at = firstInvalid(bytes);
    return { ok: false, why: "not UTF-8 text", line: lineOf(bytes, at) };
  }
}

function lineOf(bytes: Uint8Array, end: number): number {
  let line = 1;
  for (let at = 0; at < end; at++) if (bytes[at] === 0x0a) line++;
  return line;
}

/** Where the longest prefix that decodes ends: halving, since the decoder tells no position. */
function firstInvalid(bytes: Uint8Array): number {
  let good = 0, bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (decodes(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function decodes(bytes: Uint8Array): boolean {
  try {
    // As a stream, so that a character cut by the halving is not an error.
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
