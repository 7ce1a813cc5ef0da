/** Changes to the list of rules. Numbers are those that `rules list` shows, from 1. */
import { ExitCode, PfwError } from "../errors.ts";
import { explainIssues } from "./explain_issue.ts";
import type { PlacedRule } from "./placed_rule.ts";
import { formatPath, MAX_PROBLEMS } from "./problem.ts";
import { canonicalPrefix, ruleMeaning } from "./rule_id.ts";
import { type ConfigDraft, type ConfigRule, type RuleDraft, ruleSchema } from "./schema.ts";

/** What adding a rule did. */
export interface AddedRule extends PlacedRule {
  /** False where the same rule stood there already. */
  readonly added: boolean;
}

/**
 * Adds a rule; one that means the same as an existing one is not added again.
 *
 * @param position its number afterwards; the end where none is given
 * @throws PfwError (exit 2) for a rule that is not valid or a position past the end
 */
export function addRule(draft: ConfigDraft, rule: RuleDraft, position?: number): AddedRule {
  const last = (draft.rules ?? []).length + 1;
  const number = position ?? last;
  if (number > last) {
    const why = `position ${number} is past the end; ${count(last - 1)}`;
    throw new PfwError("cannot add the rule", why, "leave --position out", ExitCode.usage);
  }
  const [added] = addRules(draft, [rule]);
  return added.added ? { added: true, ...moveRule(draft, added.number, number) } : added;
}

/** Adds rules at the end in their order, as `addRule` does one; an invalid one means none. */
export function addRules(draft: ConfigDraft, added: readonly RuleDraft[]): AddedRule[] {
  const completed = added.map((rule) => completeRule(rule));
  const rules = draft.rules ??= [];
  const numberOf = new Map<string, number>();
  const note = (rule: RuleDraft, at: number) => {
    const meaning = ruleMeaning(ruleSchema.parse(rule));
    if (!numberOf.has(meaning)) numberOf.set(meaning, at + 1);
  };
  rules.forEach(note);
  return completed.map((rule, at) => {
    const existing = numberOf.get(ruleMeaning(rule));
    if (existing !== undefined) return { added: false, ...placed(rules, existing) };
    rules.push(canonicalRule(added[at]));
    note(rule, rules.length - 1);
    return { added: true, ...placed(rules, rules.length) };
  });
}

function canonicalRule(rule: RuleDraft): RuleDraft {
  const canonical = { ...rule };
  if (rule.source_ips) canonical.source_ips = rule.source_ips.map(canonicalPrefix);
  if (rule.destination_ips) canonical.destination_ips = rule.destination_ips.map(canonicalPrefix);
  return canonical;
}

/** The rule with its defaults; throws a PfwError (exit 2) that says everything wrong with it. */
function completeRule(rule: RuleDraft, what = "cannot add the rule"): ConfigRule {
  const result = ruleSchema.safeParse(rule);
  if (result.success) return result.data;
  const problems = explainIssues(result.error.issues, rule, MAX_PROBLEMS, ["rules"])
    .map(({ path, message }) => `${formatPath(path)}: ${message}`);
  throw new PfwError(what, problems.join(", "), "", ExitCode.usage);
}

/**
 * Removes rules.
 *
 * @returns the removed ones with the numbers they had
 * @throws PfwError (exit 2) when one of the numbers is no rule's; then none is removed
 */
export function removeRules(draft: ConfigDraft, numbers: readonly number[]): PlacedRule[] {
  const rules = draft.rules ??= [];
  const distinct = [...new Set(numbers)].sort((a, b) => a - b);
  const removed = distinct.map((number) => placed(rules, number));
  draft.rules = rules.filter((_, at) => !distinct.includes(at + 1));
  return removed;
}

/** Switches a rule off or on; to the other of the two unless `enabled` says which. */
export function toggleRule(draft: ConfigDraft, number: number, enabled?: boolean): PlacedRule {
  const rules = draft.rules ??= [];
  const { rule } = placed(rules, number);
  rules[number - 1].enabled = enabled ?? !rule.enabled;
  return placed(rules, number);
}

/** Moves a rule; the others close up and make room. */
export function moveRule(draft: ConfigDraft, from: number, to: number): PlacedRule {
  const rules = draft.rules ??= [];
  placed(rules, from);
  placed(rules, to);
  const [rule] = rules.splice(from - 1, 1);
  rules.splice(to - 1, 0, rule);
  return placed(rules, to);
}

/**
 * Puts another rule in the place of one; it is on or off as that was unless it says so itself.
 *
 * @throws PfwError (exit 2) for a rule that is not valid, or that stands elsewhere already
 */
export function replaceRule(draft: ConfigDraft, number: number, rule: RuleDraft): PlacedRule {
  const rules = draft.rules ??= [];
  const { enabled } = placed(rules, number).rule;
  const meaning = ruleMeaning(completeRule(rule, "cannot change the rule"));
  const twin = rules.findIndex((other, at) =>
    at !== number - 1 && ruleMeaning(ruleSchema.parse(other)) === meaning
  );
  if (twin >= 0) {
    const why = `rule ${twin + 1} says the same`;
    throw new PfwError("cannot change the rule", why, "", ExitCode.usage);
  }
  rules[number - 1] = canonicalRule({ ...rule, enabled: rule.enabled ?? enabled });
  return placed(rules, number);
}

function placed(rules: readonly RuleDraft[], number: number): PlacedRule {
  if (number < 1 || number > rules.length) {
    throw new PfwError(
      `there is no rule ${number}`,
      count(rules.length),
      "see pfw rules list",
      ExitCode.usage,
    );
  }
  return { number, rule: ruleSchema.parse(rules[number - 1]) };
}

function count(rules: number): string {
  if (rules === 0) return "there are no rules";
  return rules === 1 ? "there is 1 rule" : `there are ${rules} rules`;
}
