/** The one error that pfw shows to people: what failed, why, and what to do next. */

/** Exit codes of every command. */
export const ExitCode = {
  done: 0,
  failed: 1,
  /** Wrong usage or a wrong configuration. */
  usage: 2,
  /** A privilege, a tool or a kernel feature is missing. */
  missing: 4,
} as const;

/** One of the exit codes above. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** Printed as one line, `pfw: what failed: why; what to do`. */
export class PfwError extends Error {
  override readonly name = "PfwError";

  /**
   * @param what what failed, e.g. `cannot read /etc/x.json`
   * @param why the cause, e.g. `permission denied`
   * @param next what to do, e.g. `run it with sudo`; empty where there is nothing to do
   */
  constructor(
    readonly what: string,
    readonly why: string,
    readonly next: string = "",
    readonly exitCode: ExitCode = ExitCode.failed,
    options?: ErrorOptions,
  ) {
    super(oneLine(`${what}: ${why}${next ? `; ${next}` : ""}`), options);
  }
}

/** Any thrown value as the text of one line. */
export function errorText(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error));
}

/** What failed and why, for where no command is typed. */
export function withoutAdvice({ what, why }: PfwError): string {
  return oneLine(`${what}: ${why}`);
}

/** Why the system refused something, without numbers of errors, names of calls and paths. */
export function systemReason(error: unknown): string {
  const text = errorText(error).replace(/^\w+: (?=.*\(os error \d+\))/, "")
    .replace(/ \(os error \d+\).*$/, "");
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " | ");
}
