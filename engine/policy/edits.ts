/** The changes of rules and lists as data: made by a command itself, or by the running pfw for it. */
import { addAddresses, type AddedAddresses, type ListName, removeAddresses } from "./edit_lists.ts";
import { type AddedRule, addRule, moveRule, removeRules, toggleRule } from "./edit_rules.ts";
import type { PlacedRule } from "./placed_rule.ts";
import type { ConfigDraft, RuleDraft } from "./schema.ts";

/** What each change needs to be told, by its name. */
export interface EditInputs {
  readonly addRule: { readonly rule: RuleDraft; readonly position?: number };
  readonly removeRules: { readonly numbers: readonly number[] };
  readonly toggleRule: { readonly number: number };
  readonly moveRule: { readonly from: number; readonly to: number };
  readonly addAddresses: { readonly list: ListName; readonly addresses: readonly string[] };
  readonly removeAddresses: { readonly list: ListName; readonly addresses: readonly string[] };
}

/** What each change says of itself. */
export interface EditValues {
  readonly addRule: AddedRule;
  readonly removeRules: PlacedRule[];
  readonly toggleRule: PlacedRule;
  readonly moveRule: PlacedRule;
  readonly addAddresses: AddedAddresses;
  readonly removeAddresses: string[];
}

/** The name of a change. */
export type EditName = keyof EditInputs;

const EDITS: {
  readonly [Name in EditName]: (draft: ConfigDraft, input: EditInputs[Name]) => EditValues[Name];
} = {
  addRule: (draft, { rule, position }) => addRule(draft, rule, position),
  removeRules: (draft, { numbers }) => removeRules(draft, numbers),
  toggleRule: (draft, { number }) => toggleRule(draft, number),
  moveRule: (draft, { from, to }) => moveRule(draft, from, to),
  addAddresses: (draft, { list, addresses }) => addAddresses(draft, list, addresses),
  removeAddresses: (draft, { list, addresses }) => removeAddresses(draft, list, addresses),
};

/** Whether this is the name of a change. */
export function isEditName(name: unknown): name is EditName {
  return typeof name === "string" && Object.hasOwn(EDITS, name);
}

/** Makes a change in a draft; throws as the change itself does, and the draft is of no use then. */
export function performEdit<Name extends EditName>(
  draft: ConfigDraft,
  name: Name,
  input: EditInputs[Name],
): EditValues[Name] {
  return EDITS[name](draft, input);
}
