/** `rules diff`: what changed between an entry of the history and now. */
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { checkConfig } from "../../engine/policy/config.ts";
import { loadConfig } from "../../engine/policy/config_file.ts";
import { quote } from "../../engine/policy/field_problems.ts";
import {
  diffPolicies,
  isSame,
  type ListDiff,
  type PolicyDiff,
} from "../../engine/policy/policy_diff.ts";
import { PolicyHistory } from "../../engine/policy/policy_history.ts";
import type { ConfigRule } from "../../engine/policy/schema.ts";
import type { CommandContext } from "../context.ts";
import { paint, plural, print, printable, printJson } from "../output.ts";

/** Addresses of a list that are named. */
const NAMED = 5;

/** Prints the difference, an added line after `+`, a removed one after `-`. */
export async function showDiff({ paths, json }: CommandContext, number: number): Promise<void> {
  const checked = checkConfig(await new PolicyHistory(paths.dataDir).text(number));
  if (!checked.ok) {
    const why = `this pfw cannot read it: ${checked.problems[0].message}`;
    throw new PfwError(`cannot compare entry ${number}`, why, "", ExitCode.failed);
  }
  const diff = diffPolicies(checked.config, (await loadConfig(paths)).config);
  if (json) return printJson({ number, same: isSame(diff), ...diff });
  if (isSame(diff)) print(`nothing changed since entry ${number}`);
  else print(lines(diff).map(printable).join("\n"));
}

function lines({ rules, whitelist, blacklist, settings }: PolicyDiff): string[] {
  return [
    ...settings.map((text) => changed(text)),
    ...rules.removed.map(({ number, rule }) => removed(`rule ${number} ${ruleText(rule)}`)),
    ...rules.added.map(({ number, rule }) => added(`rule ${number} ${ruleText(rule)}`)),
    ...rules.changed.map(({ to, fields }) =>
      changed(`rule ${to.number} ${quote(to.rule.name)}: ${fields.join(", ")}`)
    ),
    ...rules.moved.map(({ name, from, to }) =>
      changed(`rule ${quote(name)} moved from ${from} to ${to}`)
    ),
    ...listLines("whitelist", whitelist),
    ...listLines("blacklist", blacklist),
  ];
}

function listLines(name: string, list: ListDiff): string[] {
  return [
    ...(list.removed.length > 0 ? [removed(`${name}: ${addressesText(list.removed)}`)] : []),
    ...(list.added.length > 0 ? [added(`${name}: ${addressesText(list.added)}`)] : []),
  ];
}

function addressesText(addresses: readonly string[]): string {
  const rest = addresses.length > NAMED ? ", …" : "";
  const first = addresses.slice(0, NAMED).join(", ");
  return `${plural(addresses.length, "address", "addresses")} (${first}${rest})`;
}

function ruleText(rule: ConfigRule): string {
  const parts = [quote(rule.name), rule.action, rule.protocol];
  if (rule.ports.length > 0) parts.push(`ports ${some(rule.ports.map(String))}`);
  if (rule.source_ips.length > 0) parts.push(`from ${some(rule.source_ips)}`);
  if (rule.destination_ips.length > 0) parts.push(`to ${some(rule.destination_ips)}`);
  parts.push(rule.direction);
  if (!rule.enabled) parts.push("(off)");
  return parts.join(" ");
}

function some(entries: readonly string[]): string {
  const rest = entries.length - NAMED;
  return entries.slice(0, NAMED).join(",") + (rest > 0 ? ` +${rest}` : "");
}

const added = (text: string) => paint("green", `+ ${text}`);
const removed = (text: string) => paint("red", `- ${text}`);
const changed = (text: string) => paint("yellow", `~ ${text}`);
