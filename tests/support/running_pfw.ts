/** pfw as people run it: its own process, in a namespace of a test, with a sandbox's directories. */
import type { NetworkNamespace } from "./netns.ts";
import { pfwCommand } from "./pfw.ts";
import type { Run, Sandbox } from "./sandbox.ts";

/** How pfw is run. */
export interface PfwOptions {
  /** Words before pfw's own: a program that runs what follows it, such as `unshare --mount`. */
  readonly through?: readonly string[];
  /** The file to run; default: the pfw under test. */
  readonly file?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs pfw to its end. */
export async function runPfw(
  namespace: NetworkNamespace,
  sandbox: Sandbox,
  words: readonly string[],
  options: PfwOptions = {},
): Promise<Run> {
  const running = new RunningPfw(namespace, sandbox, words, options);
  return await running.ended;
}

/** Starts pfw and waits until it says that it is ready; `await using` kills what still runs. */
export async function startPfw(
  namespace: NetworkNamespace,
  sandbox: Sandbox,
  words: readonly string[] = [],
  options: PfwOptions = {},
): Promise<RunningPfw> {
  const running = new RunningPfw(namespace, sandbox, ["start", ...words], options);
  try {
    await running.waitFor(/^pfw: ready .*\n/m);
    return running;
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}

/** Longest time that anything expected may take, in milliseconds; far more than it does take. */
const PATIENCE = 60_000;

/** A process of pfw. */
export class RunningPfw implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  #isOver = false;
  #changed = () => {};
  /** What it printed so far. */
  out = "";
  err = "";
  /** How it ended; waits for that. */
  readonly ended: Promise<Run>;

  constructor(
    namespace: NetworkNamespace,
    sandbox: Sandbox,
    words: readonly string[],
    { through = [], file, env, cwd }: PfwOptions,
  ) {
    const { config, dataDir, logDir, runDir } = sandbox.paths;
    const pfw = file === undefined ? pfwCommand().argv : [file];
    this.#child = new Deno.Command("ip", {
      args: ["netns", "exec", namespace.name, ...through, ...pfw, ...words],
      env: {
        PFW_CONFIG: config,
        PFW_DATA_DIR: dataDir,
        PFW_LOG_DIR: logDir,
        PFW_RUN_DIR: runDir,
        NO_COLOR: "1",
        SSH_CONNECTION: "",
        SSH_CLIENT: "",
        ...env,
      },
      cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.ended = this.#follow();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends a signal that ends it, and waits for the end. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<Run> {
    this.signal(signal);
    return await this.ended;
  }

  /** Waits until its output matches; throws when it ends or too much time passes before. */
  async waitFor(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (!pattern.test(this.out) && !pattern.test(this.err)) {
      if (this.#isOver) throw new Error(`pfw ended without ${pattern}: ${this.out}${this.err}`);
      if (Date.now() > deadline) throw new Error(`no ${pattern}: ${this.out}${this.err}`);
      await this.#change();
    }
  }

  async #follow(): Promise<Run> {
    const follow = async (stream: ReadableStream<Uint8Array>, take: (text: string) => void) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        take(text);
        this.#changed();
      }
    };
    await Promise.all([
      follow(this.#child.stdout, (text) => this.out += text),
      follow(this.#child.stderr, (text) => this.err += text),
    ]);
    const { code } = await this.#child.status;
    this.#isOver = true;
    this.#changed();
    return { code, out: this.out, err: this.err };
  }

  /** The next output, the end, or a second later. */
  async #change(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#changed = resolve;
      timer = setTimeout(resolve, 1000);
    });
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) {
      try {
        this.signal("SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await this.ended;
  }
}

/** Asks again until the answer fits or too much time has passed; returns the last answer. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  fits: (answer: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (fits(answer) || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
