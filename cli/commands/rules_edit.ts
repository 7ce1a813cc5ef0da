/** `rules add`, `remove`, `toggle`, `move`. */
import { describeRule, type PlacedRule } from "../../engine/policy/placed_rule.ts";
import type { RuleDraft } from "../../engine/policy/schema.ts";
import type { ChangingContext } from "../context.ts";
import { applyNamed } from "./apply_named.ts";
import { printEdited } from "./print_edited.ts";

/** The words of `rules add`. */
export interface AddOptions {
  readonly name: string;
  readonly action: "allow" | "block";
  readonly protocol: "tcp" | "udp" | "icmp" | "any";
  readonly ports: readonly string[];
  readonly source: readonly string[];
  readonly destination: readonly string[];
  readonly direction: "in" | "out" | "both";
  readonly position?: number;
}

/** `rules add NAME ACTION`. */
export async function addRuleCommand(context: ChangingContext, options: AddOptions): Promise<void> {
  const rule: RuleDraft = {
    name: options.name,
    action: options.action,
    protocol: options.protocol,
    ports: options.ports.map((port) => /^\d{1,9}$/.test(port) ? Number(port) : port),
    source_ips: [...options.source],
    destination_ips: [...options.destination],
    direction: options.direction,
    enabled: true,
  };
  const edited = await applyNamed(context, "addRule", { rule, position: options.position });
  const { added } = edited.value;
  const disabled = edited.value.rule.enabled ? "" : ", switched off";
  const done = added
    ? `added ${describeRule(edited.value)}`
    : `already there as ${describeRule(edited.value)}${disabled}`;
  printEdited(context, edited, done, { action: "add", ...inJson(edited.value) });
}

/** `rules remove N…`. */
export async function removeRulesCommand(
  context: ChangingContext,
  numbers: readonly number[],
): Promise<void> {
  const edited = await applyNamed(context, "removeRules", { numbers });
  const removed = edited.value;
  const done = removed.length <= 5
    ? `removed ${removed.map(describeRule).join(", ")}`
    : `removed ${removed.length} rules`;
  printEdited(context, edited, done, { action: "remove", rules: edited.value.map(inJson) });
}

/** `rules toggle N`. */
export async function toggleRuleCommand(context: ChangingContext, number: number): Promise<void> {
  const edited = await applyNamed(context, "toggleRule", { number });
  const done = `switched ${edited.value.rule.enabled ? "on" : "off"} ${describeRule(edited.value)}`;
  printEdited(context, edited, done, { action: "toggle", ...inJson(edited.value) });
}

/** `rules move N M`. */
export async function moveRuleCommand(
  context: ChangingContext,
  from: number,
  to: number,
): Promise<void> {
  const edited = await applyNamed(context, "moveRule", { from, to });
  const done = edited.changed
    ? `moved rule ${from} to ${describeRule(edited.value)}`
    : `already there: ${describeRule(edited.value)}`;
  printEdited(context, edited, done, { action: "move", ...inJson(edited.value) });
}

function inJson({ number, rule }: PlacedRule) {
  return { number, rule };
}
