/** Text to configuration: everything that is wrong with it at once, each with path and line. */
import { explainIssues, explainTooLong } from "./explain_issue.ts";
import { countProperties, scanJson } from "./json_scan.ts";
import { MAX_DEPTH } from "./limits.ts";
import { byPlace, findRepeatedKeys, findSyntaxErrors, placeProblems } from "./locate.ts";
import { MAX_PROBLEMS, type Problem } from "./problem.ts";
import { type Config, type ConfigDraft, configSchema } from "./schema.ts";

/** A configuration, or why there is none. */
export type CheckedConfig =
  | { readonly ok: true; readonly config: Config; readonly draft: ConfigDraft }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Checks the text of a configuration. Never throws.
 *
 * @returns `config` with all defaults, and `draft`, the same as the file has it
 */
export function checkConfig(text: string): CheckedConfig {
  const parsed = parseStrictJson(text);
  if (!parsed.ok && parsed.value === undefined) return parsed;
  const { value } = parsed;
  const tooLong = explainTooLong(value);
  if (tooLong.length > 0) return { ok: false, problems: placeProblems(text, tooLong) };
  const result = configSchema.safeParse(value);
  if (result.success && parsed.ok) {
    return { ok: true, config: result.data, draft: value as ConfigDraft };
  }
  const unplaced = explainIssues(result.error?.issues ?? [], value, MAX_PROBLEMS);
  const problems = [...(parsed.ok ? [] : parsed.problems), ...placeProblems(text, unplaced)];
  return { ok: false, problems: problems.sort(byPlace) };
}

/** A value, or why the text is none. */
export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  | {
    readonly ok: false;
    readonly problems: readonly Problem[];
    /** Where only keys are repeated: the value all the same, so that the rest can be checked. */
    readonly value?: unknown;
  };

/** Strict JSON (RFC 8259) of bounded depth whose objects have no key twice. Never throws. */
export function parseStrictJson(text: string): ParsedJson {
  const whole = (message: string): ParsedJson => (
    { ok: false, problems: [{ path: "", line: 1, column: 1, message }] }
  );
  if (text.trim() === "") return whole("the file is empty");
  const shape = scanJson(text);
  if (shape.depth > MAX_DEPTH) return whole(`lists and objects nest deeper than ${MAX_DEPTH}`);
  const parsed = parseJson(text);
  if (!parsed.ok || countProperties(parsed.value) === shape.properties) return parsed;
  return { ok: false, problems: findRepeatedKeys(text), value: parsed.value };
}

function parseJson(text: string): ParsedJson {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    const problems = findSyntaxErrors(text);
    if (problems.length > 0) return { ok: false, problems };
    // What jsonc-parser tolerates and JSON does not, e.g. a no-break space between values.
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ path: "", line: 1, column: 1, message }] };
  }
}
