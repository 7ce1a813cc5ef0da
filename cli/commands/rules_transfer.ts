/** `rules import` and `rules export`. */
import { ConfigError } from "../../engine/policy/problem.ts";
import { decodeText } from "../../engine/policy/decode_text.ts";
import { loadConfig, readConfigText } from "../../engine/policy/config_file.ts";
import { applyImport, type Imported, readImport } from "../../engine/policy/import_rules.ts";
import { formatConfig } from "../../engine/policy/format_config.ts";
import { plural } from "../output.ts";
import type { ChangingContext, CommandContext } from "../context.ts";
import { applyEdit } from "./apply_edit.ts";
import { noSuchFile } from "./named_file.ts";
import { printEdited, warnOfOverlaps } from "./print_edited.ts";
import { readStandardInput } from "../standard_input.ts";

/** Adds the rules, and of the older form the addresses, of a file or of standard input. */
export async function importRules(context: ChangingContext, file: string): Promise<void> {
  const source = readImport(file === "-" ? await readInput() : await readNamed(file));
  if (!source.ok) throw new ConfigError(file === "-" ? STANDARD_INPUT : file, source.problems);
  const edited = await applyEdit(context, (draft) => applyImport(draft, source));
  const { rulesAdded, rulesAlreadyThere, added, alreadyThere, overlapping } = edited.value;
  warnOfOverlaps(overlapping, "blacklist");
  printEdited(context, edited, summary(edited.value), {
    action: "import",
    rules: { added: rulesAdded, alreadyThere: rulesAlreadyThere },
    addresses: { added: added.length, alreadyThere: alreadyThere.length },
  });
}

const STANDARD_INPUT = "standard input";

async function readNamed(file: string): Promise<string> {
  return await readConfigText(file).catch((error) => {
    throw error.cause instanceof Deno.errors.NotFound ? noSuchFile(file) : error;
  });
}

async function readInput(): Promise<string> {
  const decoded = decodeText(await readStandardInput());
  if (decoded.ok) return decoded.text;
  const { line, why: message } = decoded;
  throw new ConfigError(STANDARD_INPUT, [{ path: "", line, column: 1, message }]);
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
  const { config } = await loadConfig(paths.config);
  console.log(formatConfig({ rules: config.rules }).trimEnd());
}
