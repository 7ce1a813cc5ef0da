/** `blacklist add/remove` and `whitelist add/remove`. */
import type { AddedAddresses, ListName } from "../../engine/policy/edit_lists.ts";
import { plural, warn } from "../output.ts";
import { type ChangingContext, usageError } from "../context.ts";
import { type AddressInput, type BadLine, readAddresses } from "./address_input.ts";
import { applyNamed } from "./apply_named.ts";
import { printEdited, warnOfOverlaps } from "./print_edited.ts";

/** At most so many addresses are named one by one. */
const NAMED = 5;

/** `blacklist add`, `whitelist add`. */
export async function addToList(
  context: ChangingContext,
  list: ListName,
  given: readonly string[],
  skipInvalid: boolean,
): Promise<void> {
  const input = await readAddresses(given);
  requireGood(input, skipInvalid);
  const edited = await applyNamed(context, "addAddresses", {
    list,
    addresses: input.addresses,
  });
  warnOfOverlaps(edited.value.overlapping, list);
  const { added, alreadyThere } = edited.value;
  printEdited(context, edited, addedText(edited.value, list), {
    action: "add",
    list,
    added,
    alreadyThere,
    invalid: input.bad,
    overlapping: edited.value.overlapping,
  });
}

function addedText({ added, alreadyThere }: AddedAddresses, list: ListName): string {
  const there = alreadyThere.length > 0 ? `${names(alreadyThere)} already there` : "";
  if (added.length === 0) return there === "" ? "no addresses given: nothing changed" : there;
  return `added ${names(added)} to the ${list}${there && ` (${there})`}`;
}

/** `blacklist remove`, `whitelist remove`. */
export async function removeFromList(
  context: ChangingContext,
  list: ListName,
  given: readonly string[],
  skipInvalid: boolean,
): Promise<void> {
  const input = await readAddresses(given);
  requireGood(input, skipInvalid);
  const edited = await applyNamed(context, "removeAddresses", {
    list,
    addresses: input.addresses,
  });
  const done = edited.changed
    ? `removed ${names(edited.value)} from the ${list}`
    : "no addresses given: nothing changed";
  const { bad: invalid } = input;
  printEdited(context, edited, done, { action: "remove", list, removed: edited.value, invalid });
}

function requireGood({ bad }: AddressInput, skipInvalid: boolean): void {
  if (bad.length === 0) return;
  reportLines(bad);
  if (skipInvalid) return;
  const why = `${plural(bad.length, "line")} of standard input ${
    bad.length === 1 ? "is" : "are"
  } no address`;
  throw usageError("nothing was changed", why, "mend it, or leave such lines out: --skip-invalid");
}

function reportLines(bad: readonly BadLine[]): void {
  for (const { line, problem } of bad) warn(`line ${line}: ${problem}`);
}

function names(addresses: readonly string[]): string {
  return addresses.length <= NAMED
    ? addresses.join(", ")
    : plural(addresses.length, "address", "addresses");
}
