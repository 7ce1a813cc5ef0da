/** `rules check`: what is wrong with a configuration, or what it would do. Touches nothing. */
import { ExitCode, PfwError } from "../../engine/errors.ts";
import type { Paths } from "../../engine/paths.ts";
import { buildPolicy } from "../../engine/policy/build_policy.ts";
import { isAbsence, readConfigFile, refuseRemoved } from "../../engine/policy/config_file.ts";
import { checkConfig } from "../../engine/policy/config.ts";
import { configWarnings } from "../../engine/policy/config_warnings.ts";
import { DEFAULT_CONFIG } from "../../engine/policy/default_config.ts";
import { formatConfig } from "../../engine/policy/format_config.ts";
import { ConfigError, type Problem } from "../../engine/policy/problem.ts";
import { quickConfig } from "../../engine/policy/quick_config.ts";
import type { Config } from "../../engine/policy/schema.ts";
import { plural, print, printJson, renderTable, warn } from "../output.ts";
import type { CommandContext } from "../context.ts";
import { readNamedText, shownName } from "./named_file.ts";

/**
 * Checks a file (`-` is standard input), or the configuration in use.
 *
 * @throws PfwError (exit 2) after all problems were printed
 */
export async function checkRules(
  { paths, json }: CommandContext,
  file: string | undefined,
  withPlan: boolean,
): Promise<void> {
  const name = file === undefined ? paths.config : shownName(file);
  const read = file === undefined ? readOrDefault(paths) : readNamed(file);
  const config = await read.catch((error) => {
    if (!(error instanceof ConfigError)) throw error;
    printProblems(error, json);
    const count = plural(error.problems.length, "problem");
    throw new PfwError(`cannot use ${name}`, count, "mend it and check again", ExitCode.usage);
  });
  const plan = withPlan ? await renderPlan(config.config) : undefined;
  const warnings = configWarnings(config.config);
  if (json) {
    const { exists } = config;
    return printJson({ file: name, valid: true, exists, problems: [], warnings, plan });
  }
  for (const warning of warnings) warn(warning);
  print([summary(name, config), plan].filter(Boolean).join("\n\n").trimEnd());
}

/** Which group a running pfw reports on is settled when it starts. */
const SHOWN_NFLOG_GROUP = 1;

interface Checked {
  readonly config: Config;
  readonly exists: boolean;
}

async function readNamed(file: string): Promise<Checked> {
  const text = await readNamedText(file);
  return { config: quickConfig(text)?.config ?? checkText(shownName(file), text), exists: true };
}

/** The configuration in use; where it does not exist yet, what it would be created with. */
async function readOrDefault({ config: file, lock }: Paths): Promise<Checked> {
  try {
    return { config: (await readConfigFile(file)).config, exists: true };
  } catch (error) {
    if (!isAbsence(error)) throw error;
    await refuseRemoved({ config: file, lock });
    return { config: checkText(file, formatConfig(DEFAULT_CONFIG)), exists: false };
  }
}

function checkText(name: string, text: string): Config {
  const checked = checkConfig(text);
  if (checked.ok) return checked.config;
  throw new ConfigError(name, checked.problems);
}

/** Prints one problem a line, or the document of `rules check`. */
export function printProblems({ file, problems }: ConfigError, json: boolean): void {
  if (json) return printJson({ file, valid: false, exists: true, problems, warnings: [] });
  const place = ({ line, column }: Problem) => line > 0 ? `${line}:${column}` : "-";
  print(renderTable(
    [{ title: "line", align: "right" }, { title: "where" }, { title: "problem" }],
    problems.map((problem) => [place(problem), problem.path || "-", problem.message]),
  ));
}

function summary(file: string, { config, exists }: Checked): string {
  const off = config.rules.filter((rule) => !rule.enabled).length;
  const parts = [
    plural(config.rules.length, "rule") + (off > 0 ? ` (${off} switched off)` : ""),
    `${plural(config.whitelist_ips.length, "address", "addresses")} whitelisted`,
    `${plural(config.blacklist_ips.length, "address", "addresses")} blacklisted`,
    `default policy ${config.default_policy}`,
  ];
  const verdict = exists ? "is valid" : "does not exist yet; pfw creates it with the defaults";
  return `${file} ${verdict}: ${parts.join(", ")}`;
}

async function renderPlan(config: Config): Promise<string> {
  const { renderPlanText } = await import("../../engine/kernel/render_plan.ts");
  return renderPlanText(buildPolicy(config), SHOWN_NFLOG_GROUP);
}
