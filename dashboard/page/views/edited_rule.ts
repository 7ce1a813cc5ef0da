/** The rule that a form is open for, which others may move, change and remove meanwhile. */
import { useRef, useState } from "preact/hooks";
import type { RuleView } from "../../contract.ts";
import { overview } from "../live/resource.ts";
import type { Outcome } from "../parts/notices.ts";
import { ruleText } from "./rule_text.ts";

/** What a form knows of its rule; a new one has none. */
export interface Edited {
  readonly rule?: RuleView;
  /** What whoever fills the form in must know before it is sent again. */
  readonly news: Outcome | null;
  /** After a refusal: takes what somebody else made of the rule for the rule. */
  lookAgain(): void;
}

/** Follows a rule through the list as it is now. */
export function useEdited(opened: RuleView | undefined, rules: readonly RuleView[]): Edited {
  const [news, setNews] = useState<Outcome | null>(null);
  // As it was seen last, among those that were there then.
  const seen = useRef({ rule: opened, rules });
  const found = seen.current.rule && findRule(seen.current.rule, rules);
  if (found) seen.current = { rule: found, rules };
  const { rule } = seen.current;
  const lookAgain = () => {
    const now = overview.value.peek()?.config.rules;
    if (!rule || !now) return;
    if (findRule(rule, now)) return setNews(null);
    const changed = findChanged(rule, seen.current.rules, now);
    if (changed) seen.current = { rule: changed, rules: now };
    setNews({ tone: "warn", text: changed ? changedText(changed) : GONE });
  };
  return { rule, news, lookAgain };
}

const GONE = "This rule is no longer there: somebody else removed it, or changed others too. " +
  "Close this form and look at the rules again.";

function changedText({ rule }: RuleView): string {
  return `Somebody else changed this rule: ${rule.name} ${ruleText(rule)} by now. ` +
    "What stands here takes its place if you try once more.";
}

/** It where it stands now: saying the same, and nearest to where it was. */
function findRule(
  { id, number }: RuleView,
  rules: readonly RuleView[],
): RuleView | undefined {
  const distance = (other: RuleView) => Math.abs(other.number - number);
  return rules.filter((other) => other.id === id)
    .toSorted((a, b) => distance(a) - distance(b))[0];
}

/**
 * What somebody else made of it: in its place stands what nobody said before, and there are as many
 * rules as there were. Nothing where it was removed, so that no other rule is taken for it.
 */
function findChanged(
  { number }: RuleView,
  before: readonly RuleView[],
  now: readonly RuleView[],
): RuleView | undefined {
  if (now.length !== before.length) return undefined;
  const other = now[number - 1];
  return before.some(({ id }) => id === other.id) ? undefined : other;
}
