/**
 * Lines of the problems in a configuration. Only called for a file that has some, and a visitor
 * rather than a tree, so that a huge broken file costs no more memory than its text.
 */
import { type ParseErrorCode, printParseErrorCode, visit } from "jsonc-parser";
import { formatPath, type JsonPath, MAX_PROBLEMS, type Problem } from "./problem.ts";

/** A problem that is known by its path only. */
export interface Unplaced {
  readonly path: JsonPath;
  readonly message: string;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/** The problems with their lines, in the order of the file. */
export function placeProblems(text: string, unplaced: readonly Unplaced[]): Problem[] {
  const places = findPlaces(text, new Set(unplaced.flatMap(({ path }) => prefixes(path))));
  const placed = unplaced.map(({ path, message }) => ({
    path: formatPath(path),
    ...nearestPlace(places, path),
    message,
  }));
  return placed.sort(byPlace);
}

/** The order of the file. */
export function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}

/** The path's own key and those of everything around it, for what is missing in the file. */
function prefixes(path: JsonPath): string[] {
  return Array.from({ length: path.length + 1 }, (_, length) => keyOf(path.slice(0, length)));
}

function keyOf(path: JsonPath): string {
  return JSON.stringify(path);
}

function nearestPlace(places: ReadonlyMap<string, Place>, path: JsonPath): Place {
  for (let length = path.length; length >= 0; length--) {
    const place = places.get(keyOf(path.slice(0, length)));
    if (place) return place;
  }
  return { line: 1, column: 1 };
}

/** Where the wanted paths stand: a property at its key, an entry of a list at its value. */
function findPlaces(text: string, wanted: ReadonlySet<string>): Map<string, Place> {
  const places = new Map<string, Place>();
  const note = (path: JsonPath, line: number, column: number) => {
    const key = keyOf(path);
    if (wanted.has(key) && !places.has(key)) {
      places.set(key, { line: line + 1, column: column + 1 });
    }
  };
  type Value = (o: number, l: number, line: number, column: number, path: () => JsonPath) => void;
  const onValue: Value = (_offset, _length, line, column, path) => note(path(), line, column);
  visit(text, {
    onObjectProperty: (key, _offset, _length, line, column, path) =>
      note([...path(), key], line, column),
    onLiteralValue: (_value, ...place) => onValue(...place),
    onObjectBegin: (...place) => onValue(...place),
    onArrayBegin: (...place) => onValue(...place),
  });
  return places;
}

/** Keys that stand twice in one object: `JSON.parse` would silently take the last. */
export function findRepeatedKeys(text: string): Problem[] {
  const problems: Problem[] = [];
  const open: Set<string>[] = [];
  visit(text, {
    onObjectBegin: () => void open.push(new Set()),
    onObjectEnd: () => void open.pop(),
    onObjectProperty: (key, _offset, _length, line, column, path) => {
      const seen = open[open.length - 1];
      if (seen.has(key) && problems.length < MAX_PROBLEMS) {
        const message = "stands twice; remove one of them";
        problems.push({ path: formatPath([...path(), key]), ...from1(line, column), message });
      }
      seen.add(key);
    },
  });
  return problems;
}

/** What is not JSON in the text: comments and trailing commas too (RFC 8259 has neither). */
export function findSyntaxErrors(text: string): Problem[] {
  const problems: Problem[] = [];
  let lastLine = -1;
  visit(text, {
    onError: (code, _offset, _length, line, column) => {
      // One mistake makes the parser stumble on; the first of a line is the one to mend.
      if (line === lastLine || problems.length >= MAX_PROBLEMS) return;
      lastLine = line;
      problems.push({ path: "", ...from1(line, column), message: syntaxMessage(code) });
    },
  }, { disallowComments: true, allowTrailingComma: false });
  return problems;
}

function from1(line: number, column: number): Place {
  return { line: line + 1, column: column + 1 };
}

const SYNTAX: Readonly<Record<string, string>> = {
  InvalidSymbol: "not a JSON value (text stands in double quotes)",
  InvalidNumberFormat: "not a number",
  PropertyNameExpected: "expected a key in double quotes (a comma too many before it?)",
  ValueExpected: "expected a value (a comma too many before it?)",
  ColonExpected: "expected a colon after the key",
  CommaExpected: "expected a comma before this",
  CloseBraceExpected: "expected a closing }",
  CloseBracketExpected: "expected a closing ]",
  EndOfFileExpected: "text after the end of the configuration",
  InvalidCommentToken: "comments are not allowed in JSON",
  UnexpectedEndOfComment: "a comment without an end; comments are not allowed in JSON",
  UnexpectedEndOfString: "text without a closing double quote",
  UnexpectedEndOfNumber: "an unfinished number",
  InvalidUnicode: "an invalid \\u escape",
  InvalidEscapeCharacter: "an invalid escape after a backslash",
  InvalidCharacter: "a control character in text",
};

function syntaxMessage(code: ParseErrorCode): string {
  const name = printParseErrorCode(code);
  return SYNTAX[name] ?? name;
}
