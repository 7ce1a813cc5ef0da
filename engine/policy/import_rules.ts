/** Rules from another file: a configuration, its `rules` alone, or the older form. */
import * as z from "zod";
import { checkConfig, parseStrictJson } from "./config.ts";
import { explainIssues } from "./explain_issue.ts";
import { addAddresses, type AddedAddresses } from "./edit_lists.ts";
import { addRules } from "./edit_rules.ts";
import { isLegacy, readLegacy } from "./legacy.ts";
import { placeProblems } from "./locate.ts";
import { MAX_PROBLEMS, type Problem } from "./problem.ts";
import { type ConfigDraft, LIMITS, type RuleDraft, ruleSchema, tooMany } from "./schema.ts";

/** What a file offers to import, or what is wrong with it. */
export type Import =
  | {
    readonly ok: true;
    readonly rules: readonly RuleDraft[];
    /** Addresses for the blacklist. */
    readonly addresses: readonly string[];
    /** Keys of a configuration that say something and are not taken. */
    readonly leftOut: readonly string[];
  }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads any of the three forms. Of a whole configuration only the rules are taken. */
export function readImport(text: string): Import {
  const parsed = parseStrictJson(text);
  if (!parsed.ok) return parsed;
  if (Array.isArray(parsed.value)) return readRules(parsed.value, text);
  if (isLegacy(parsed.value)) {
    const read = readLegacy(parsed.value);
    if (Array.isArray(read)) return { ok: false, problems: placeProblems(text, read) };
    return { ok: true, ...read, leftOut: [] };
  }
  const checked = checkConfig(text);
  if (!checked.ok) return checked;
  const { draft } = checked;
  return { ok: true, rules: draft.rules ?? [], addresses: [], leftOut: otherKeys(draft) };
}

/** The rest of a configuration is settings of another machine, and lists of its own. */
function otherKeys(draft: ConfigDraft): string[] {
  const { $schema: _, rules: __, ...rest } = draft;
  return Object.entries(rest)
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .map(([key]) => key);
}

function readRules(value: unknown[], text: string): Import {
  if (value.length > LIMITS.rules) {
    const message = tooMany(value.length, LIMITS.rules);
    return { ok: false, problems: placeProblems(text, [{ path: [], message }]) };
  }
  const result = z.array(ruleSchema).safeParse(value);
  if (result.success) return { ok: true, rules: value as RuleDraft[], addresses: [], leftOut: [] };
  const unplaced = explainIssues(result.error.issues, value, MAX_PROBLEMS, ["rules"]);
  return { ok: false, problems: placeProblems(text, unplaced) };
}

/** What an import added. */
export interface Imported extends AddedAddresses {
  readonly rulesAdded: number;
  readonly rulesAlreadyThere: number;
}

/** Adds what is not there yet, rules at the end in their order. */
export function applyImport(draft: ConfigDraft, source: Import & { ok: true }): Imported {
  const rulesAdded = addRules(draft, source.rules).filter(({ added }) => added).length;
  return {
    rulesAdded,
    rulesAlreadyThere: source.rules.length - rulesAdded,
    ...addAddresses(draft, "blacklist", source.addresses),
  };
}
