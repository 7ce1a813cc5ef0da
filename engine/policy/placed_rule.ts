/** A rule and where it stands, as changes speak of it. */
import { quote } from "./field_problems.ts";
import type { ConfigRule } from "./schema.ts";

/** Where a rule stands after a change. */
export interface PlacedRule {
  readonly number: number;
  readonly rule: ConfigRule;
}

/** A rule in a few words, for the line that says what was done. */
export function describeRule({ number, rule }: PlacedRule): string {
  return `rule ${number} ${quote(rule.name)}`;
}
