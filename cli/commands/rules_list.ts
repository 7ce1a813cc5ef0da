/** `rules list`: every rule with what the kernel counted for it. */
import { ask, type RuleHits } from "../../engine/control/client.ts";
import { errorText, ExitCode, PfwError } from "../../engine/errors.ts";
import { loadConfig } from "../../engine/policy/config_file.ts";
import { ruleIds } from "../../engine/policy/rule_id.ts";
import type { Config, ConfigRule } from "../../engine/policy/schema.ts";
import type { Paths } from "../../engine/paths.ts";
import {
  type Column,
  formatCount,
  paint,
  printJson,
  renderTable,
  warn,
  writeOut,
} from "../output.ts";
import type { CommandContext } from "../context.ts";

/** Prints the rules of the configuration. */
export async function listRules({ paths, json }: CommandContext): Promise<void> {
  const { config } = await loadConfig(paths);
  const hits = await readHits(paths);
  const ids = ruleIds(config.rules);
  if (json) {
    const rules = config.rules.map((rule, at) => {
      const { packets, bytes } = hits?.get(ids[at]) ?? {};
      const counted = packets === undefined ? null : { packets, bytes };
      return { number: at + 1, id: ids[at], ...rule, hits: counted };
    });
    const { default_policy } = config;
    const running = hits === null ? null : hits !== undefined;
    return printJson({ config: paths.config, running, default_policy, rules });
  }
  if (config.rules.length === 0) writeOut(`${noRules(config)}\n`);
  else writeOut(`${table(config.rules, ids, hits)}\n\n${defaultLine(config)}\n`);
}

/** Hits by rule id; `undefined` when no pfw runs, null when that or the hits cannot be told. */
async function readHits(paths: Paths): Promise<Map<string, RuleHits> | undefined | null> {
  let why: string;
  try {
    const answer = await ask<RuleHits[]>(paths, "GET", "/rules");
    if (!answer) return undefined;
    if (answer.status === 200 && Array.isArray(answer.body)) {
      return new Map(answer.body.map((hits) => [hits.id, hits]));
    }
    why = `the running pfw answered with ${answer.status}`;
  } catch (error) {
    const isDenied = error instanceof PfwError && error.exitCode === ExitCode.missing;
    why = isDenied ? "only the user that started pfw is told them (sudo)" : errorText(error);
  }
  // The list itself does not depend on the running pfw.
  warn(`hits are unknown: ${why}`);
  return null;
}

const COLUMNS: readonly Column[] = [
  { title: "#", align: "right" },
  { title: "on" },
  { title: "action" },
  { title: "direction", shortTitle: "dir" },
  { title: "protocol", shortTitle: "proto" },
  { title: "ports", shrinkTo: 8 },
  { title: "source", omit: "any" },
  { title: "destination", shortTitle: "dest", omit: "any" },
  { title: "name", shrinkTo: 8 },
  { title: "hits", align: "right" },
];

function table(
  rules: readonly ConfigRule[],
  ids: readonly string[],
  hits: ReadonlyMap<string, RuleHits> | undefined | null,
): string {
  return renderTable(
    COLUMNS,
    rules.map((rule, at) => {
      const packets = rule.enabled ? hits?.get(ids[at])?.packets : undefined;
      return [
        String(at + 1),
        rule.enabled ? paint("green", "on") : paint("gray", "off"),
        paint(rule.action === "block" ? "red" : "green", rule.action),
        rule.direction,
        rule.protocol,
        short(rule.ports.map(String), 4),
        short(rule.source_ips, 1),
        short(rule.destination_ips, 1),
        rule.name,
        packets === undefined ? "-" : formatCount(packets),
      ];
    }),
  );
}

/** The first few entries and how many more there are; `any` for none. */
function short(entries: readonly string[], shown: number): string {
  if (entries.length === 0) return "any";
  const rest = entries.length - shown;
  return entries.slice(0, shown).join(",") + (rest > 0 ? ` +${rest}` : "");
}

function defaultLine(config: Config): string {
  const verb = config.default_policy === "allow" ? "allowed" : "blocked";
  return `What no rule matches is ${verb} (default_policy).`;
}

function noRules(config: Config): string {
  const example = 'pfw rules add "No telnet" block --protocol tcp --ports 23 --direction in';
  return `There are no rules yet. ${defaultLine(config)}\nAdd one, for example: ${example}`;
}
