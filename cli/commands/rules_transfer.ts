/** `rules import` and `rules export`. */
import { ConfigError, NAMED_IN_SUMMARY } from "../../engine/policy/problem.ts";
import { loadConfig } from "../../engine/policy/config_file.ts";
import {
  applyImport,
  type Import,
  type Imported,
  readImport,
} from "../../engine/policy/import_rules.ts";
import { formatConfig } from "../../engine/policy/format_config.ts";
import { plural, print, warn } from "../output.ts";
import type { ChangingContext, CommandContext } from "../context.ts";
import { applyEdit } from "./apply_edit.ts";
import { readNamedText, shownName } from "./named_file.ts";
import { printEdited, warnOfOverlaps } from "./print_edited.ts";

/** Adds the rules, and of the older form the addresses, of a file or of standard input. */
export async function importRules(context: ChangingContext, file: string): Promise<void> {
  const source = await readSource(file, context.json);
  const edited = await applyEdit(context, (draft) => applyImport(draft, source));
  const { rulesAdded, rulesAlreadyThere, added, alreadyThere, overlapping } = edited.value;
  warnOfOverlaps(overlapping, "blacklist");
  const { leftOut } = source;
  if (leftOut.length > 0) warn(`only rules are imported; left out: ${leftOut.join(", ")}`);
  printEdited(context, edited, summary(edited.value), {
    action: "import",
    rules: { added: rulesAdded, alreadyThere: rulesAlreadyThere },
    addresses: { added: added.length, alreadyThere: alreadyThere.length },
    leftOut,
  });
}

/** @throws ConfigError, after all problems were printed that its one line has no room for */
async function readSource(file: string, json: boolean): Promise<Import & { ok: true }> {
  try {
    const source = readImport(await readNamedText(file));
    if (source.ok) return source;
    throw new ConfigError(shownName(file), source.problems);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (!json && error.problems.length > NAMED_IN_SUMMARY) {
      const { printProblems } = await import("./rules_check.ts");
      printProblems(error, false);
    }
    // `rules check` knows neither the older form nor a list of rules alone.
    throw new ConfigError(error.file, error.problems, "mend it and import it again");
  }
}

function summary({ rulesAdded, rulesAlreadyThere, added, alreadyThere }: Imported): string {
  const there = (count: number) => count > 0 ? ` (${count} already there)` : "";
  const rules = plural(rulesAdded, "rule") + there(rulesAlreadyThere);
  const addresses = plural(added.length, "address", "addresses") + there(alreadyThere.length);
  const hasAddresses = added.length + alreadyThere.length > 0;
  return `imported ${rules}${hasAddresses ? ` and ${addresses} into the blacklist` : ""}`;
}

/** Prints `{"rules": […]}`, with and without `--json`. */
export async function exportRules({ paths }: CommandContext): Promise<void> {
  const { config } = await loadConfig(paths);
  print(formatConfig({ rules: config.rules }).trimEnd());
}
