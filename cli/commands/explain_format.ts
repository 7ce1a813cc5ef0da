/** `pfw explain` as people read it. */
import type { ExplainAnswer } from "../../engine/control/explain.ts";
import type { KernelEvidence } from "../../engine/kernel/evidence.ts";
import type { Step } from "../../engine/policy/trail.ts";
import { formatBytes, formatSeconds, paint, plural, printable, renderTable } from "../output.ts";
import { terminalWidth } from "../terminal.ts";
import { wrapText } from "../text_width.ts";

const STEP_NAMES: Record<Step["code"], string> = {
  whitelist: "whitelist",
  blacklist: "blacklist",
  ban: "bans",
  threat: "threat feeds",
  invalid: "state",
  rate_limit: "rate limit",
  rule: "rule",
  default_policy: "default policy",
};

/**
 * The whole answer as text.
 *
 * @param standing rules that the kernel enforces though no pfw enforces this policy
 */
export function renderExplanation(answer: ExplainAnswer, standing?: string): string {
  const wrapped = (text: string) => wrapText(text, terminalWidth()).join("\n");
  return [
    wrapped(headline(answer)),
    "",
    renderTable(
      [{ title: "" }, { title: "step", shrinkTo: 20 }, { title: "what it says", shrinkTo: 46 }],
      answer.steps.map((step) => stepRow(step)),
    ),
    ...conditions(answer),
    ...sources(answer),
    "",
    wrapped(kernelLine(answer, standing)),
    ...answer.warnings.map((text) => wrapped(paint("yellow", printable(`warning: ${text}`)))),
  ].join("\n");
}

function headline(answer: ExplainAnswer): string {
  const { address, direction, protocol, port, action, enforced, reason } = answer;
  const what = [protocol ?? "any protocol", port === undefined ? "" : `port ${port}`]
    .filter(Boolean).join(" ");
  const way = direction === "in" ? `from ${address} to this machine` : `from here to ${address}`;
  const verb = enforced ? "is" : "would be";
  const verdict = action === "block" ? paint("red", "blocked") : paint("green", "allowed");
  return `A connection ${way} (${what}) ${verb} ${verdict}: ${printable(reason)}`;
}

function stepRow(step: Step): string[] {
  const name = step.rule ? `rule ${step.rule.number} "${step.rule.name}"` : STEP_NAMES[step.code];
  switch (step.outcome) {
    case "decides":
      return [paint("bold", "▶"), paint("bold", printable(name)), paint("bold", step.text)];
    case "depends":
      return [paint("yellow", "?"), name, paint("yellow", step.text)];
    case "passes":
      return ["·", name, step.text];
    case "unreached":
      return ["", paint("gray", printable(name)), paint("gray", "not reached")];
  }
}

/** What is left open and would decide first. */
function conditions({ steps, protocol, port }: ExplainAnswer): string[] {
  const decided = steps.findIndex(({ outcome }) => outcome === "decides");
  const open = steps.slice(0, decided).filter(({ outcome }) => outcome === "depends");
  if (open.length === 0) return [];
  const rules = open.map(({ rule, text }) => `rule ${rule?.number} ${text}`).join("; ");
  const options = [
    ...(protocol === undefined ? ["--protocol"] : []),
    ...(port === undefined && protocol !== "icmp" ? ["--port"] : []),
  ];
  const next = options.length > 0 ? ` Ask with ${options.join(" and ")} to be exact.` : "";
  return ["", printable(`Before that: ${rules}.${next}`)];
}

function sources({ ban, feeds }: ExplainAnswer): string[] {
  const lines: string[] = [];
  if (ban) {
    lines.push(
      `Banned for ${formatSeconds(ban.secondsLeft)} more: ${ban.reason} ` +
        `(${ban.offences === 1 ? "first time" : `${ban.offences} times so far`})`,
      ...Object.entries(ban.evidence).map(([name, value]) => `  ${name}: ${value}`),
    );
  }
  for (const { feed, entry, level } of feeds) {
    lines.push(`Listed by ${feed} as ${entry}${level > 0 ? `, level ${level}` : ""}`);
  }
  return lines.length > 0 ? ["", ...lines.map(printable)] : [];
}

function kernelLine({ kernel, enforced, isLocal }: ExplainAnswer, standing?: string): string {
  if (!enforced || !kernel) {
    if (standing) return `No pfw enforces this, but ${standing}. Those may say otherwise.`;
    return "Nothing is enforced: pfw does not run, or only looks on. Start it with: sudo pfw start";
  }
  if (isLocal) return "In the kernel: the chains of pfw let pass what uses the loopback device";
  return `In the kernel: ${kernelText(kernel)}`;
}

function kernelText({ set, isInSet, chain, tables, packets, bytes }: KernelEvidence): string {
  const parts: string[] = [];
  if (set) parts.push(`set ${set} ${isInSet ? "holds it" : "does not hold it"}`);
  if (chain && tables.length > 0) {
    const counted = `${plural(packets, "packet")}, ${formatBytes(bytes)}`;
    parts.push(`chain ${chain} (${tables.join(", ")}) counted ${counted}`);
  }
  return parts.length > 0 ? parts.join("; ") : "the packet passes the chains of pfw to their end";
}
