/** Processes that are measured: what they print, the time they take, the memory they hold. */

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** From start to end. */
  readonly seconds: number;
}

/** Runs a program to its end; throws unless it ends with 0. */
export async function runToEnd(argv: readonly string[]): Promise<Ended> {
  const [program, ...args] = argv;
  const started = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
    .output();
  const seconds = (performance.now() - started) / 1000;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const ended = { code, out: text(stdout), err: text(stderr), seconds };
  if (code !== 0) throw new Error(`${argv.join(" ")}: status ${code}: ${ended.err.slice(-500)}`);
  return ended;
}

/** Whether a program can be run. */
export function canRun(argv: readonly string[]): boolean {
  const [program, ...args] = argv;
  try {
    return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** Resident memory in bytes (proc(5), `/proc/pid/status`). */
export interface Memory {
  readonly resident: number;
  readonly peak: number;
  /** The part that no file backs. */
  readonly anonymous: number;
  /** Pages of mapped files: programs and libraries. */
  readonly file: number;
  /** Shared memory; a packet ring counts here or among the files. */
  readonly shared: number;
}

/** A program that runs in the background; `await using` ends it. */
export class MeasuredProcess implements AsyncDisposable {
  readonly started = performance.now();
  readonly #child: Deno.ChildProcess;
  readonly #texts: Promise<[string, string]>;
  readonly #argv: readonly string[];
  #seen = "";
  #watchers: (() => void)[] = [];
  #ended: Promise<Deno.CommandStatus>;
  #hasEnded = false;

  constructor(argv: readonly string[]) {
    this.#argv = argv;
    const [program, ...args] = argv;
    this.#child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#texts = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
    this.#ended = this.#child.status.then((status) => {
      this.#hasEnded = true;
      this.#wake();
      return status;
    });
  }

  /** What it printed so far, at most the first 64 kB. */
  get seen(): string {
    return this.#seen;
  }

  /** Waits until it prints this; returns the milliseconds since its start. */
  async printed(pattern: RegExp, timeout = 60_000): Promise<number> {
    const end = performance.now() + timeout;
    while (!pattern.test(this.#seen)) {
      if (this.#hasEnded) throw new Error(`${this.#argv.join(" ")} ended: ${this.#seen}`);
      if (performance.now() > end) throw new Error(`${this.#argv.join(" ")}: no ${pattern}`);
      await this.#news(100);
    }
    return performance.now() - this.started;
  }

  /** Seconds of processor time so far, user and system, all threads. */
  processorSeconds(): number {
    // Fields 14 and 15 of proc(5); the name in parentheses before them may hold blanks.
    const fields = this.#procFile("stat").replace(/^.*\) /, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Waits until what it began with is done: half a second of its life takes next to no time. */
  async calm(timeout = 60_000): Promise<void> {
    const end = performance.now() + timeout;
    for (let before = -Infinity, now = this.processorSeconds(); now - before > CALM;) {
      if (performance.now() > end) throw new Error(`${this.#argv.join(" ")} is never calm`);
      await sleep(500);
      before = now;
      now = this.processorSeconds();
    }
  }

  /** What it holds now. */
  memory(): Memory {
    const status = this.#procFile("status");
    const of = (name: string) => {
      const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status);
      return 1024 * Number(match?.[1] ?? NaN);
    };
    return {
      resident: of("VmRSS"),
      peak: of("VmHWM"),
      anonymous: of("RssAnon"),
      file: of("RssFile"),
      shared: of("RssShmem"),
    };
  }

  /** Asks it to end, waits, and returns what it printed: standard output and standard error. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<[string, string]> {
    if (!this.#hasEnded) this.#child.kill(signal);
    return await this.result();
  }

  /** Waits for its end; returns what it printed. */
  async result(): Promise<[string, string]> {
    await this.#ended;
    return await this.#texts;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
    let text = "";
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      text += piece;
      // Only the start is waited for; a long run prints much.
      if (this.#seen.length < 1 << 16) this.#seen += piece;
      this.#wake();
    }
    return text;
  }

  #news(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#watchers.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  #procFile(name: string): string {
    return Deno.readTextFileSync(`/proc/${this.#child.pid}/${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
    await this.result();
  }
}

/** Seconds of the processor. */
const CALM = 0.02;

/** USER_HZ, which Linux fixes for what it shows to programs on x86 and Arm. */
const TICKS_PER_SECOND = 100;

/**
 * Before a command that sends: nothing that waits for a processor interrupts it (chrt(1)). The rest
 * of the machine has the other ones.
 */
export const UNDISTURBED: readonly string[] = ["chrt", "--fifo", "50"];

/** A pause. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
