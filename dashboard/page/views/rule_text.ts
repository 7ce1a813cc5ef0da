/** A rule in words, and the words of its form as a rule. */
import type { ConfigRule, RuleDraft } from "../../contract.ts";

/** What the form for a rule holds; lists as they are typed. */
export interface RuleWords {
  readonly name: string;
  readonly action: ConfigRule["action"];
  readonly protocol: ConfigRule["protocol"];
  readonly direction: ConfigRule["direction"];
  readonly ports: string;
  readonly sources: string;
  readonly destinations: string;
}

/** A new rule. */
export const NEW_RULE: RuleWords = {
  name: "",
  action: "block",
  protocol: "tcp",
  direction: "in",
  ports: "",
  sources: "",
  destinations: "",
};

/** A rule for the form, which leaves it on or off as it is. */
export function toWords(rule: ConfigRule): RuleWords {
  const { name, action, protocol, direction, ports, source_ips, destination_ips } = rule;
  return {
    name,
    action,
    protocol,
    direction,
    ports: ports.join(", "),
    sources: source_ips.join(", "),
    destinations: destination_ips.join(", "),
  };
}

/** The form as a rule; whether it is a good one, pfw says. */
export function toDraft({ ports, sources, destinations, ...rest }: RuleWords): RuleDraft {
  const hasPorts = rest.protocol !== "icmp";
  return {
    ...rest,
    name: rest.name.trim(),
    ports: hasPorts ? split(ports).map((port) => /^\d+$/.test(port) ? Number(port) : port) : [],
    source_ips: split(sources),
    destination_ips: split(destinations),
  };
}

function split(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}

/** A rule in a sentence: `blocks TCP to port 23, incoming`. */
export function ruleText(rule: RuleDraft): string {
  const does = rule.action === "block" ? "blocks" : "allows";
  return `${does} ${matchText(rule)}, ${DIRECTION_TEXTS[rule.direction ?? "both"]}`;
}

/** Entries of a list that are named before the rest is only counted. */
const NAMED = 3;

/** What a rule matches, in a line: `tcp to port 23, 445 from 203.0.113.0/24`. */
export function matchText(rule: RuleDraft): string {
  const { protocol = "any", ports = [], source_ips = [], destination_ips = [] } = rule;
  const parts = [protocol === "any" ? "everything" : protocol.toUpperCase()];
  if (ports.length > 0) parts.push(`to port ${some(ports.map(String))}`);
  if (source_ips.length > 0) parts.push(`from ${some(source_ips)}`);
  if (destination_ips.length > 0) parts.push(`to ${some(destination_ips)}`);
  return parts.join(" ");
}

function some(entries: readonly string[]): string {
  const named = entries.slice(0, NAMED).join(", ");
  return entries.length > NAMED ? `${named} and ${entries.length - NAMED} more` : named;
}

/** Who opens the connections that a rule speaks of. */
export const DIRECTION_TEXTS = {
  in: "incoming",
  out: "outgoing",
  both: "both ways",
} as const;
