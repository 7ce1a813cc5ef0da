/** What is wrong with a configuration: where, and why. */
import { ExitCode, PfwError } from "../errors.ts";
import { quote } from "./field_problems.ts";

/** The keys and indices that lead to a value. */
export type JsonPath = readonly (string | number)[];

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** `rules[2].ports[0]`; empty where the whole file is meant. */
  readonly path: string;
  /** From 1; 0 where the file has no line for it. */
  readonly line: number;
  /** From 1, in UTF-16 units; 0 where the file has no line for it. */
  readonly column: number;
  readonly message: string;
}

/** At most so many problems are listed; then a last one says how many more there are. */
export const MAX_PROBLEMS = 1000;

/** A configuration that cannot be used; its one line names the first problems. */
export class ConfigError extends PfwError {
  constructor(
    readonly file: string,
    readonly problems: readonly Problem[],
    next = "see pfw rules check",
  ) {
    super(`cannot use ${file}`, summary(problems), next, ExitCode.usage);
  }
}

/** So many problems of a configuration are in the one line of its error. */
export const NAMED_IN_SUMMARY = 3;

function summary(problems: readonly Problem[]): string {
  const named = problems.slice(0, NAMED_IN_SUMMARY).map(problemText);
  const rest = problems.length - named.length;
  if (rest > 0) named.push(`${rest} more`);
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return `${count}: ${named.join(", ")}`;
}

/** `line 4, rules[0].ports[1]: 99999 is not a port …`. */
export function problemText(problem: Problem): string {
  const place = [problem.line > 0 ? `line ${problem.line}` : "", problem.path].filter(Boolean);
  return place.length > 0 ? `${place.join(", ")}: ${problem.message}` : problem.message;
}

/** `["rules", 2, "ports"]` as `rules[2].ports`; an odd key is quoted. */
export function formatPath(path: JsonPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[A-Za-z_$][\w$-]{0,63}$/.test(step)) {
      text += `[${quote(step)}]`;
    } else text += text === "" ? step : `.${step}`;
  }
  return text;
}
