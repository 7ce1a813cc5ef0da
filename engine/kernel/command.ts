/** The one seam through which pfw runs other programs. */
import { ExitCode, PfwError } from "../errors.ts";

/** How a program ended. */
export interface CommandOutput {
  /** Exit status; 128 + signal where a signal ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs programs; tests wrap it to look at what is run, and to make it fail. */
export interface Commands {
  /**
   * Runs one program to its end, without a shell.
   *
   * @param stdin what it reads, whole or in pieces; it reads nothing without
   * @throws PfwError with exit code 4 when the program is not installed
   */
  run(argv: readonly string[], stdin?: string | Iterable<string>): Promise<CommandOutput>;
  /**
   * Runs programs that only read, one after another: to start one from here takes as long as it
   * runs. Absent where each shall be run by itself.
   *
   * @returns what each printed; `undefined` where one of them failed, which then shows by itself
   */
  runReaders?(commands: readonly (readonly string[])[]): Promise<string[] | undefined>;
  /**
   * Runs one program and right after it, in the same shell, one that only reads. Absent where each
   * shall be run by itself.
   *
   * @returns how the first one ended, and what the second one printed; that is `undefined` where
   *   one of them failed
   */
  runThenRead?(
    argv: readonly string[],
    stdin: string,
    reader: readonly string[],
  ): Promise<{ readonly first: CommandOutput; readonly read: string | undefined }>;
}

/** A program that ended with another status than 0. */
export class CommandError extends Error {
  override readonly name = "CommandError";

  constructor(readonly argv: readonly string[], readonly output: CommandOutput) {
    super(`${argv.join(" ")}: ${complaint(output)}`);
  }
}

/** The line of a program's error output that says what is wrong. */
function complaint({ status, stderr }: CommandOutput): string {
  const lines = stderr.split("\n").map((line) => line.trim())
    .filter((line) => line && !/^(#|Warning:|Try `|Perhaps )/.test(line));
  const text = lines.slice(0, 3).join(" | ").slice(0, 400);
  return text ? `${text} (status ${status})` : `status ${status}`;
}

/** Runs a program and returns its standard output; throws `CommandError` unless it ends with 0. */
export async function runOrThrow(
  commands: Commands,
  argv: readonly string[],
  stdin?: string | Iterable<string>,
): Promise<string> {
  const output = await commands.run(argv, stdin);
  if (output.status !== 0) throw new CommandError(argv, output);
  return output.stdout;
}

/** What each of these programs prints; throws `CommandError` unless all of them end with 0. */
export async function runAllOrThrow(
  commands: Commands,
  argvs: readonly (readonly string[])[],
): Promise<string[]> {
  if (argvs.length === 0) return [];
  return await commands.runReaders?.(argvs) ??
    await Promise.all(argvs.map((argv) => runOrThrow(commands, argv)));
}

/** Runs a program and, after it, one that only reads; throws `CommandError` unless both end with 0. */
export async function runThenRead(
  commands: Commands,
  argv: readonly string[],
  stdin: string,
  reader: readonly string[],
): Promise<string> {
  const both = await commands.runThenRead?.(argv, stdin, reader);
  // A shell that lacks a program says less than we do.
  if (!both || both.first.status === NOT_FOUND) await runOrThrow(commands, argv, stdin);
  else if (both.first.status !== 0) throw new CommandError(argv, both.first);
  return both?.read ?? await runOrThrow(commands, reader);
}

/** The status with which a shell says that there is no such program. */
const NOT_FOUND = 127;

/** Commands for sbin are not in every PATH (`su` without `-`, cron). */
const SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/** Nothing that pfw runs takes longer; what does hangs. */
const TIMEOUT_MS = 60_000;

/** The real thing. */
export class SystemCommands implements Commands {
  /**
   * @param prefix put before every command, e.g. `["ip", "netns", "exec", name]` in tests
   * @param timeout milliseconds after which a program is ended
   */
  constructor(
    private readonly prefix: readonly string[] = [],
    private readonly timeout = TIMEOUT_MS,
  ) {}

  async run(argv: readonly string[], stdin?: string | Iterable<string>): Promise<CommandOutput> {
    const [program, ...args] = [...this.prefix, ...argv];
    const signal = AbortSignal.timeout(this.timeout);
    const child = this.#spawn(program, args, stdin !== undefined, signal);
    const feeding = stdin === undefined ? Promise.resolve() : feed(child.stdin, stdin);
    const [{ code, stdout, stderr }] = await Promise.all([child.output(), feeding]);
    const note = signal.aborted ? `no end after ${this.timeout / 1000} s\n` : "";
    return { status: code, stdout: decode(stdout), stderr: note + decode(stderr) };
  }

  async runReaders(commands: readonly (readonly string[])[]): Promise<string[] | undefined> {
    const { output, printed } = await this.#runInShell(commands);
    return output.status === 0 ? printed : undefined;
  }

  async runThenRead(argv: readonly string[], stdin: string, reader: readonly string[]) {
    const { output, printed } = await this.#runInShell([argv, reader], stdin);
    if (printed.length === 0) return { first: output, read: undefined };
    const first = { status: 0, stdout: printed[0], stderr: "" };
    return { first, read: output.status === 0 ? printed[1] : undefined };
  }

  /** One after another, until one of them fails; what the others have printed. */
  async #runInShell(commands: readonly (readonly string[])[], stdin?: string) {
    // Nothing that any of them prints: it is made anew each time.
    const end = `end ${crypto.randomUUID()}\n`;
    const steps = commands.map((argv) => `step ${argv.map(quoted).join(" ")} && printf %s "$0"`);
    const output = await this.run(["sh", "-c", STEP + steps.join(" && "), end], stdin);
    return { output, printed: output.stdout.split(end).slice(0, -1) };
  }

  #spawn(program: string, args: string[], fed: boolean, signal: AbortSignal): Deno.ChildProcess {
    try {
      return new Deno.Command(program, {
        args,
        env: { LC_ALL: "C", PATH: systemPath() },
        stdin: fed ? "piped" : "null",
        stdout: "piped",
        stderr: "piped",
        signal,
      }).spawn();
    } catch (error) {
      throw explain(program, error);
    }
  }
}

/**
 * Runs a program so that it ends with the shell: what is ended by a signal leaves those that it runs
 * behind, and these would hold up whoever waits for their output.
 */
const STEP = `trap 'kill "$!" 2>/dev/null; exit 143' TERM
exec 3<&0
step() { "$@" <&3 & wait "$!"; }
`;

/** A word as a shell takes it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function systemPath(): string {
  const path = Deno.env.get("PATH");
  return path ? `${path}:${SYSTEM_PATH}` : SYSTEM_PATH;
}

async function feed(
  stdin: WritableStream<Uint8Array>,
  text: string | Iterable<string>,
): Promise<void> {
  const writer = stdin.getWriter();
  const encoder = new TextEncoder();
  try {
    for (const piece of typeof text === "string" ? [text] : text) {
      await writer.ready;
      await writer.write(encoder.encode(piece));
    }
    await writer.close();
  } catch {
    // A program that ends before it has read everything says why by its status and its output.
    await writer.abort().catch(() => {});
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

const PACKAGES: Record<string, string> = { ipset: "ipset", ip: "iproute2", unshare: "util-linux" };

function explain(program: string, error: unknown): unknown {
  if (error instanceof Deno.errors.NotFound) return missingProgram(program, error);
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return new PfwError(`cannot run ${program}`, "permission denied", "", ExitCode.missing, {
      cause: error,
    });
  }
  return error;
}

/** The error for a program that is not installed. */
export function missingProgram(program: string, cause?: unknown): PfwError {
  const name = PACKAGES[program] ?? (/^ip6?tables/.test(program) ? "iptables" : program);
  return new PfwError(
    `cannot run ${program}`,
    "it is not installed",
    `install the package ${name} (Debian, Ubuntu: apt install ${name})`,
    ExitCode.missing,
    { cause },
  );
}
