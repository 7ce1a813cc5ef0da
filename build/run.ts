/** How the build speaks, and its one way to run a command. */

/** One line on standard output about what the build does. */
export function say(text: string): void {
  console.log(`build: ${text}`);
}

/** A step that failed: printed as one line, exit code 1. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/** How to run a command. */
export interface RunOptions {
  /** Added to this process's environment. */
  readonly env?: Record<string, string>;
  /** Milliseconds after which the command is ended; without it there is no limit. */
  readonly timeout?: number;
}

/** What a command did. */
export interface Outcome {
  /** Its exit code; 127 where the program does not exist. */
  readonly code: number;
  /** Standard output and standard error, in this order. */
  readonly text: string;
}

const NOT_STARTED = 127;

/** Begins the last line of what a command printed that took longer than its limit. */
export const TIMED_OUT = "ended after";

/** Runs a command and collects what it prints. */
export async function collect(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const started = Date.now();
  const child = spawn(argv, options, "piped");
  if (typeof child === "string") return { code: NOT_STARTED, text: child };
  const { code, stdout, stderr } = await child.output();
  const late = options.timeout !== undefined && Date.now() - started >= options.timeout;
  const ended = late ? `\n${TIMED_OUT} ${options.timeout! / 1000} s` : "";
  return { code, text: decode(stdout) + decode(stderr) + ended };
}

/** Runs a command that prints to this terminal, and returns its exit code. */
export async function show(argv: readonly string[], options: RunOptions = {}): Promise<number> {
  const child = spawn(argv, options, "inherit");
  if (typeof child !== "string") return (await child.status).code;
  say(child);
  return NOT_STARTED;
}

/**
 * Runs a command that prints to this terminal, and keeps what it printed.
 *
 * Both streams go to standard output, in the order in which they arrive.
 */
export async function tee(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(argv, options, "piped");
  if (typeof child === "string") return { code: NOT_STARTED, text: child };
  let text = "";
  const copy = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      Deno.stdout.writeSync(bytes);
      text += decoder.decode(bytes, { stream: true });
    }
  };
  await Promise.all([copy(child.stdout), copy(child.stderr)]);
  return { code: (await child.status).code, text };
}

/** The child, or why there is none. */
function spawn(
  argv: readonly string[],
  options: RunOptions,
  output: "piped" | "inherit",
): Deno.ChildProcess | string {
  try {
    return new Deno.Command(argv[0], {
      args: argv.slice(1),
      // Deno's own stack, where the machine's environment asks for it, hides what went wrong.
      env: { RUST_BACKTRACE: "0", ...options.env },
      stdin: "null",
      stdout: output,
      stderr: output,
      signal: options.timeout ? AbortSignal.timeout(options.timeout) : undefined,
    }).spawn();
  } catch (error) {
    // Not there, not executable, or not a program for this machine.
    return `${argv[0]}: ${error instanceof Error ? error.message : error}`;
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The last lines of a command's output, in one. */
export function lastLines(text: string, count: number): string {
  return text.trim().split("\n").slice(-count).join(" | ");
}
