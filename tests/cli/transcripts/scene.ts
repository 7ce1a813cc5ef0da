/** A scene: a sandbox as it is found, and command lines typed into it one after the other. */
import type { Sandbox } from "../../support/sandbox.ts";

/** What a scene is about. Every command has the first three. */
export type Kind =
  | "normal"
  | "no root"
  | "wrong usage"
  | "empty"
  | "not running"
  | "running"
  | "unknown";

/** A command line and what comes with it. */
export interface Step {
  /** As typed after `pfw`, with quotes as a shell has them. */
  readonly line: string;
  /** What stands on standard input. */
  readonly input?: string;
  /** What happens before, besides. */
  readonly before?: (box: Sandbox) => void;
}

/** One scene. */
export interface Scene {
  readonly kind: Kind;
  /** What is particular about it. */
  readonly title: string;
  readonly prepare?: (box: Sandbox) => void | Promise<void>;
  readonly steps: readonly Step[];
}

/** The scenes of one command. */
export interface Transcript {
  readonly command: string;
  readonly scenes: readonly Scene[];
}

/** What may be left out of a scene. */
export type Prepare = Scene["prepare"];

/** A scene; a step is its command line alone where nothing comes with it. */
export function scene(
  kind: Kind,
  title: string,
  steps: readonly (string | Step)[],
  prepare?: Prepare,
): Scene {
  const whole = steps.map((step) => typeof step === "string" ? { line: step } : step);
  return { kind, title, prepare, steps: whole };
}

/** The words of a command line: blanks part them, `"…"` and `'…'` hold them together. */
export function wordsOf(line: string): string[] {
  const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, (_, a, b) => a ?? b));
}
