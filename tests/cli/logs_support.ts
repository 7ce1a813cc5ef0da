/** Runs pfw over a database that a test filled, in UTC and without colours. */
import { pfwCommand } from "../support/pfw.ts";

/** What one run of pfw left behind. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The environment in which pfw finds that directory's files alone. */
function environment(directory: string, zone: string): Record<string, string> {
  return {
    PFW_CONFIG: `${directory}/firewall_rules.json`,
    PFW_DATA_DIR: directory,
    PFW_LOG_DIR: `${directory}/log`,
    PFW_RUN_DIR: `${directory}/run`,
    TZ: zone,
    NO_COLOR: "1",
  };
}

/** Begins `pfw …`. */
export function spawnPfw(directory: string, args: readonly string[], zone = "UTC") {
  const [program, ...first] = pfwCommand().argv;
  return new Deno.Command(program, {
    args: [...first, ...args],
    env: environment(directory, zone),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `pfw …` to its end. */
export async function runPfw(
  directory: string,
  args: readonly string[],
  zone = "UTC",
): Promise<Outcome> {
  const { code, stdout, stderr } = await spawnPfw(directory, args, zone).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Lines of a process as they come. */
export class LineReader {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line; fails after the given seconds, or at the end. */
  async next(seconds = 10): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no line within ${seconds} s`)), seconds * 1000);
    });
    try {
      while (!this.#text.includes("\n")) {
        const { value, done } = await Promise.race([this.#reader.read(), late]);
        if (done) throw new Error(`ended after ${JSON.stringify(this.#text)}`);
        this.#text += value;
      }
    } finally {
      clearTimeout(timer);
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  /** Stops reading, as `head` does. */
  async close(): Promise<void> {
    await this.#reader.cancel();
  }

  /** Everything that is left. */
  async rest(): Promise<string> {
    for (let read = await this.#reader.read(); !read.done; read = await this.#reader.read()) {
      this.#text += read.value;
    }
    return this.#text;
  }
}
