/** Text to configuration: everything that is wrong with it at once, each with path and line. */
import { explainIssues, explainTooLong } from "./explain_issue.ts";
import { countProperties, scanJson } from "./json_scan.ts";
import { findRepeatedKeys, findSyntaxErrors, placeProblems, type Unplaced } from "./locate.ts";
import { MAX_PROBLEMS, type Problem } from "./problem.ts";
import { type Config, type ConfigDraft, configSchema } from "./schema.ts";

/** A configuration, or why there is none. */
export type CheckedConfig =
  | { readonly ok: true; readonly config: Config; readonly draft: ConfigDraft }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Deeper than any configuration; more would exhaust the stack of whoever walks the value. */
const MAX_DEPTH = 32;

/**
 * Checks the text of a configuration. Never throws.
 *
 * @returns `config` with all defaults, and `draft`, the same as the file has it
 */
export function checkConfig(text: string): CheckedConfig {
  if (text.trim() === "") return refuse([{ path: [], message: "the file is empty" }], text);
  const shape = scanJson(text);
  if (shape.depth > MAX_DEPTH) {
    return refuse([{ path: [], message: `lists and objects nest deeper than ${MAX_DEPTH}` }], "");
  }
  const parsed = parseJson(text);
  if ("problems" in parsed) return { ok: false, problems: parsed.problems };
  return checkValue(parsed.value, text, shape.properties);
}

function checkValue(value: unknown, text: string, properties: number): CheckedConfig {
  const repeated = countProperties(value) === properties ? [] : findRepeatedKeys(text);
  const tooLong = explainTooLong(value);
  if (tooLong.length > 0) return refuse(tooLong, text, repeated);
  const result = configSchema.safeParse(value);
  if (result.success && repeated.length === 0) {
    return { ok: true, config: result.data, draft: value as ConfigDraft };
  }
  const issues = result.error?.issues ?? [];
  return refuse(explainIssues(issues, value, MAX_PROBLEMS), text, repeated);
}

function refuse(
  unplaced: readonly Unplaced[],
  text: string,
  placed: readonly Problem[] = [],
): CheckedConfig {
  const problems = [...placed, ...placeProblems(text, unplaced)];
  return { ok: false, problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

/** Strict JSON (RFC 8259). */
export function parseJson(text: string): { value: unknown } | { problems: Problem[] } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const problems = findSyntaxErrors(text);
    if (problems.length > 0) return { problems };
    // What jsonc-parser tolerates and JSON does not, e.g. a no-break space between values.
    const message = error instanceof Error ? error.message : String(error);
    return { problems: [{ path: "", line: 1, column: 1, message }] };
  }
}
