/** A step of an installation as a line. */
import { paint, print, printable } from "../output.ts";
import type { StepReport, StepState } from "./steps.ts";

const WORDS: Readonly<Record<StepState, string>> = {
  done: "done",
  kept: "as it was",
  planned: "would",
  failed: "failed",
};

const COLORS = { done: "green", kept: "gray", planned: "cyan", failed: "red" } as const;

/** Prints `done       copy pfw to /usr/local/bin/pfw`. */
export function printStep({ what, state, why }: StepReport): void {
  const reason = why === undefined ? "" : `: ${why}`;
  print(`${paint(COLORS[state], WORDS[state].padEnd(9))}  ${printable(what + reason)}`);
}
