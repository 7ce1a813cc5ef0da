/** `pfw status`: in one glance, whether the machine is protected. */
import { ask } from "../../engine/control/client.ts";
import type { Mode, RunningStatus } from "../../engine/control/status.ts";
import type { Paths } from "../../engine/paths.ts";
import { HARMLESS } from "../../engine/observe/losses.ts";
import {
  type PendingChange,
  PendingFile,
  secondsLeft,
} from "../../engine/policy/pending_change.ts";
import type { CommandContext } from "../context.ts";
import {
  formatBytes,
  formatCount,
  formatSeconds,
  paint,
  plural,
  print,
  printable,
  printJson,
} from "../output.ts";
import { terminalWidth } from "../terminal.ts";
import { wrapText } from "../text_width.ts";
import { confirmFields } from "./print_edited.ts";
import { feedsLine } from "./status_feeds.ts";

/** Prints the state of the running pfw, or that none runs, and what waits to be confirmed. */
export async function status({ paths, json }: CommandContext): Promise<void> {
  const file = new PendingFile(paths.dataDir);
  if (await isOverdue(file)) {
    // Loaded only here: changing the policy needs most of pfw.
    const { returnOverdue } = await import("./return_overdue.ts");
    await returnOverdue(paths);
  }
  const answer = await ask<RunningStatus>(paths, "GET", "/status");
  const standing = answer?.body.mode === "enforce"
    ? undefined
    : await lookIntoKernel(paths, answer !== undefined);
  const pending = await file.read().catch(() => undefined);
  if (json) {
    const waiting = pending
      ? { ...confirmFields(pending), secondsLeft: Math.ceil(secondsLeft(pending)) }
      : null;
    const state = { ...(answer?.body ?? { running: false }), standingRules: standing?.rules };
    return printJson({ ...state, pending: waiting });
  }
  const waiting = pending ? [`\n${paint("yellow", pendingText(pending))}`] : [];
  const text = answer
    ? renderStatus(answer.body, standing?.text)
    : renderNotRunning(standing?.text);
  print([text, ...waiting].join("\n"));
}

/** Where no pfw enforces: whether rules stand in the kernel all the same. */
async function lookIntoKernel(paths: Paths, isRunning: boolean) {
  // Loaded only here: a pfw that enforces says itself what the kernel holds.
  const { standing } = await import("./standing_rules.ts");
  return await standing(paths, isRunning);
}

function renderNotRunning(standing: string | undefined): string {
  const next = standing === undefined
    ? "Start it with: sudo pfw start"
    : wrapText(`But ${standing}.`, terminalWidth()).join("\n");
  return `${paint("yellow", "○ not running")}\n\n${next}`;
}

/** Whether a change waited in vain; also where that cannot be read, so that it is said. */
async function isOverdue(file: PendingFile): Promise<boolean> {
  try {
    const pending = await file.read();
    return pending !== undefined && secondsLeft(pending) <= 0;
  } catch {
    return true;
  }
}

function pendingText(pending: PendingChange): string {
  const left = Math.ceil(secondsLeft(pending));
  const when = left > 0 ? `in ${left} s` : "as soon as it can";
  return printable(
    `\`${pending.command}\` (${pending.user}) waits: the policy before it returns ${when}, ` +
      "unless you keep this one: pfw rules confirm",
  );
}

/** Before the second line of a fact. */
const FACT_INDENT = " ".repeat(12);

/**
 * The text of `status`: a headline, then aligned facts.
 *
 * @param standing rules that the kernel enforces though this pfw only looks on
 */
export function renderStatus(state: RunningStatus, standing?: string): string {
  const facts: [string, string][] = [
    ["since", sinceText(state)],
    ["policy", policyText(state)],
    ["lists", listsText(state)],
    ["feeds", state.feeds ? feedsLine(state.feeds) : ""],
    ["bans", state.bans === undefined ? "" : bansText(state.bans, state.mode)],
    ["kernel", standing ? paint("yellow", standing) : kernelText(state)],
    ["drift", driftText(state)],
    ["watching", state.devices.map(deviceText).join(", ")],
    ["packets", packetsText(state)],
    ["losses", lossesText(state)],
    ["database", state.database.fault ? paint("red", state.database.fault) : state.database.path],
    ["page", state.dashboard ?? ""],
    ["memory", formatBytes(state.memory)],
  ];
  const room = terminalWidth() - FACT_INDENT.length;
  const lines = facts.filter(([, text]) => text).map(([name, text]) =>
    `  ${name.padEnd(9)} ${wrapText(text, room).join(`\n${FACT_INDENT}`)}`
  );
  return [headline(state, standing !== undefined), "", ...lines].join("\n");
}

function headline(state: RunningStatus, isBlockedByOthers: boolean): string {
  if (state.mode === "monitor") {
    const what = isBlockedByOthers ? "this pfw blocks nothing" : "nothing is blocked";
    return `${paint("yellow", "● monitoring only")}: ${what} (pfw ${state.version})`;
  }
  return state.kernel?.inPlace
    ? `${paint("green", "● enforcing")} (pfw ${state.version})`
    : `${paint("red", "● not fully in place")}: repaired within seconds (pfw ${state.version})`;
}

function sinceText({ since, pid }: RunningStatus): string {
  const age = (Date.now() - new Date(since).getTime()) / 1000;
  return `${new Date(since).toLocaleString("sv")} (${formatSeconds(age)}), process ${pid}`;
}

function policyText({ policy }: RunningStatus): string {
  return `default ${policy.defaultAction}, ${plural(policy.rules, "rule")}, ` +
    `rate limit ${policy.rateLimit}`;
}

function listsText({ policy }: RunningStatus): string {
  return `${formatCount(policy.blacklist)} blacklisted, ${
    formatCount(policy.whitelist)
  } whitelisted, ` +
    `${formatCount(policy.bans)} banned, ${formatCount(policy.threats)} threats`;
}

function bansText(bans: number, mode: Mode): string {
  if (bans === 0) return "none";
  const state = mode === "enforce" ? "in force" : "remembered, not enforced";
  return `${plural(bans, "ban")} ${state}, see pfw bans list`;
}

function kernelText({ kernel }: RunningStatus): string {
  if (!kernel) return "unchanged by pfw";
  const entries = kernel.sets.reduce((sum, set) => sum + set.entries, 0);
  return `${plural(kernel.chains, "chain")}, ${plural(kernel.rules, "rule")}, ` +
    `${plural(kernel.sets.length, "set")} with ${plural(entries, "entry", "entries")}`;
}

function driftText({ drift, kernel }: RunningStatus): string {
  if (!drift) return "";
  if (kernel && kernel.differences.length > 0) return paint("red", kernel.differences.join(", "));
  if (!drift.last) return "none";
  return paint("yellow", `repaired ${drift.repaired} times, last at ${drift.last.at}: `) +
    drift.last.differences.join(", ");
}

function deviceText(device: RunningStatus["devices"][number]): string {
  return device.open ? device.name : paint("yellow", `${device.name} (away)`);
}

function packetsText({ totals, mode }: RunningStatus): string {
  const blocked = mode === "enforce"
    ? `${formatCount(totals.blocked)} blocked`
    : `${formatCount(totals.wouldBlock)} would be blocked`;
  return `${formatCount(totals.packets)} seen, ${formatCount(totals.allowed)} allowed, ${blocked}`;
}

function lossesText({ losses }: RunningStatus): string {
  const lost = Object.entries(losses).filter(([, count]) => count > 0);
  if (lost.length === 0) return "none";
  // `ringDrops` as "ring drops"; `stats` explains each.
  const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const texts = lost.map(([name, count]) => `${formatCount(count)} ${words(name)}`);
  const isHarmless = lost.every(([name]) => (HARMLESS as readonly string[]).includes(name));
  return isHarmless ? texts.join(", ") : paint("yellow", texts.join(", "));
}
