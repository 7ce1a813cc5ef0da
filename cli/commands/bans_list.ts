/** `bans list`: who is banned, why, and for how long. */
import type { BanView } from "../../engine/bans/ban.ts";
import type { BansAnswer } from "../../engine/control/intel_control.ts";
import type { Mode } from "../../engine/control/status.ts";
import type { Paths } from "../../engine/paths.ts";
import type { CommandContext } from "../context.ts";
import {
  type Column,
  formatCount,
  formatSeconds,
  paint,
  plural,
  print,
  printJson,
  renderTable,
} from "../output.ts";
import { terminalWidth } from "../terminal.ts";
import { wrapText } from "../text_width.ts";
import { askRunning } from "./ask_running.ts";
import { foreignText } from "./foreign_text.ts";

/** Prints the bans: those of the running pfw, else those that the database holds. */
export async function listBans({ paths, json }: CommandContext, verbose: boolean): Promise<void> {
  const { running, mode, bans: found } = await currentBans(paths);
  const bans = found.toSorted((a, b) => a.since < b.since ? -1 : a.since > b.since ? 1 : 0);
  const left = mode === "enforce" ? undefined : await lookIntoKernel(paths, running);
  if (json) {
    const standingRules = left?.rules;
    return printJson({ running, mode: mode ?? null, count: bans.length, bans, standingRules });
  }
  const text = verbose ? bans.map(describe).join("\n\n") : table(bans);
  const none = bans.length === 0;
  print(none ? noBans(running) : `${text}\n\n${footer(bans.length, mode, running)}`);
  if (left?.text !== undefined) {
    print(paint("yellow", wrapText(`But ${left.text}.`, terminalWidth()).join("\n")));
  }
}

async function lookIntoKernel(paths: Paths, isRunning: boolean) {
  const { standing } = await import("./standing_rules.ts");
  return await standing(paths, isRunning);
}

/** The bans of the running pfw, else those that it will take up. */
export async function currentBans(paths: Paths): Promise<BansAnswer & { running: boolean }> {
  const answer = await askRunning<BansAnswer>(paths, "GET", "/bans");
  if (answer) return { ...answer, running: true };
  const { readStoredBans } = await import("./bans_stored.ts");
  return { bans: readStoredBans(paths.database), running: false };
}

const COLUMNS: readonly Column[] = [
  { title: "address" },
  { title: "why", shrinkTo: 16 },
  { title: "since" },
  { title: "left", align: "right" },
  { title: "offences", shortTitle: "times", align: "right" },
];

function table(bans: readonly BanView[]): string {
  return renderTable(
    COLUMNS,
    bans.map((ban) => [
      paint("red", foreignText(ban.address)),
      foreignText(ban.reason, 80),
      localTime(ban.since),
      formatSeconds(ban.secondsLeft),
      formatCount(ban.offences),
    ]),
  );
}

/** A ban with everything that is known of it. */
function describe(ban: BanView): string {
  const times = ban.offences === 1 ? "first offence" : `offence ${formatCount(ban.offences)}`;
  const facts: [string, string][] = [
    ["why", foreignText(ban.reason)],
    ["by", ban.cause === "manual" ? "a person" : foreignText(ban.cause)],
    ["since", localTime(ban.since)],
    ["until", `${localTime(ban.until)} (${formatSeconds(ban.secondsLeft)} left), ${times}`],
    ...Object.entries(ban.evidence).map(([name, value]): [string, string] => [
      foreignText(name, 40),
      evidenceText(value),
    ]),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `  ${paint("gray", name.padEnd(width))}  ${value}`);
  return [paint("red", foreignText(ban.address)), ...lines].join("\n");
}

/** Values of a list that are shown. */
const SHOWN = 32;

function evidenceText(value: BanView["evidence"][string]): string {
  if (typeof value === "number") return numberText(value);
  if (typeof value === "string") return foreignText(value);
  const rest = value.length - SHOWN;
  const text = value.slice(0, SHOWN).map(String).join(", ");
  return foreignText(text, 400) + (rest > 0 ? ` and ${formatCount(rest)} more` : "");
}

function numberText(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : String(Number(value.toFixed(3)));
}

/** In the zone of whoever reads it; JSON has UTC. */
function localTime(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? "?" : time.toLocaleString("sv");
}

function footer(count: number, mode: Mode | undefined, running: boolean): string {
  if (!running) return paint("yellow", "pfw is not running: it takes these up at its next start");
  const bans = plural(count, "ban");
  if (mode === "enforce") return paint("green", `${bans} in the kernel`);
  return paint("yellow", `${bans}; this pfw only observes and blocks nothing`);
}

function noBans(running: boolean): string {
  const state = running ? "Nobody is banned." : "Nobody is banned; pfw is not running.";
  return `${state} Ban an address, for example: pfw bans add 203.0.113.7 --for 1h`;
}
