/** The one switch for incoming ICMP: a rule like any other behind it. */
import { addRule, moveRule } from "./edit_rules.ts";
import type { ConfigDraft, RuleDraft } from "./schema.ts";

/** What the switch adds where there is no such rule; neighbour discovery and errors always pass. */
const BLOCK_ICMP: RuleDraft = {
  name: "Block ICMP",
  action: "block",
  protocol: "icmp",
  direction: "in",
};

/** Whether incoming ICMP is blocked: by the first rule that speaks of all of it. */
export function isIcmpBlocked({ rules = [] }: ConfigDraft): boolean {
  const first = rules.find((rule) => isOn(rule) && speaksOfAllIcmp(rule));
  return first?.action === "block";
}

/** Blocks all incoming ICMP by a rule in the first place, or switches such rules off. */
export function setIcmpBlocked(draft: ConfigDraft, blocked: boolean): void {
  const rules = draft.rules ??= [];
  if (!blocked) {
    for (const rule of rules) if (isSwitch(rule)) rule.enabled = false;
    return;
  }
  if (isIcmpBlocked(draft)) return;
  const at = rules.findIndex(isSwitch);
  if (at < 0) return void addRule(draft, BLOCK_ICMP, 1);
  rules[at].enabled = true;
  moveRule(draft, at + 1, 1);
}

/** A rule that blocks incoming ICMP and nothing else. */
function isSwitch(rule: RuleDraft): boolean {
  return rule.action === "block" && rule.protocol === "icmp" && speaksOfAllIcmp(rule);
}

function speaksOfAllIcmp(rule: RuleDraft): boolean {
  const { protocol = "any", direction = "both" } = rule;
  const everywhere = [rule.ports, rule.source_ips, rule.destination_ips].every((list) =>
    (list ?? []).length === 0
  );
  return (protocol === "icmp" || protocol === "any") && direction !== "out" && everywhere;
}

function isOn({ enabled = true }: RuleDraft): boolean {
  return enabled;
}
