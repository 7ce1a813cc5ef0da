/** A private set of pfw's directories, and pfw run in it. */
import { join } from "node:path";
import { type Paths, resolvePaths } from "../../engine/paths.ts";
import { pfwCommand } from "./pfw.ts";

/** What one run of pfw left behind. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A temporary directory with its own configuration, data, log and socket. Removed when disposed. */
export class Sandbox implements AsyncDisposable {
  /** What pfw is run with besides the environment of the tests; may be added to. */
  readonly env: Record<string, string>;
  readonly paths: Paths;
  #server: Deno.HttpServer<Deno.UnixAddr> | undefined;

  constructor(readonly directory: string = Deno.makeTempDirSync({ prefix: "pfw-test-" })) {
    this.paths = resolvePaths({
      config: this.path("etc/firewall_rules.json"),
      dataDir: this.path("data"),
      logDir: this.path("log"),
      runDir: this.path("run"),
    });
    this.env = {
      PFW_CONFIG: this.paths.config,
      PFW_DATA_DIR: this.paths.dataDir,
      PFW_LOG_DIR: this.paths.logDir,
      PFW_RUN_DIR: this.paths.runDir,
      NO_COLOR: "1",
      // Not the session of whoever runs the tests.
      SSH_CONNECTION: "",
      SSH_CLIENT: "",
    };
  }

  /** A path in the sandbox. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** What a running pfw says of itself. */
  async status() {
    return JSON.parse((await this.pfw("status", "--json")).out);
  }

  /** Runs pfw with these words. */
  async pfw(...args: string[]): Promise<Run> {
    return await this.pfwWithInput("", ...args);
  }

  /** Runs pfw with text on its standard input. */
  async pfwWithInput(input: string, ...args: string[]): Promise<Run> {
    return await this.pfwThrough([], input, args);
  }

  /** Runs pfw by a program that runs what follows its own words. */
  async pfwThrough(
    through: readonly string[],
    input: string,
    words: readonly string[],
  ): Promise<Run> {
    const [program, ...args] = [...through, ...pfwCommand().argv, ...words];
    const child = new Deno.Command(program, {
      args,
      env: this.env,
      cwd: this.directory,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // A command that fails early does not read its input: a broken pipe is no failure of the test.
    const written = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
    const { code, stdout, stderr } = await child.output();
    await written;
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: text(stdout), err: text(stderr) };
  }

  /** Writes the configuration: text as it is, anything else as JSON. */
  writeConfig(content: unknown): void {
    Deno.mkdirSync(this.path("etc"), { recursive: true });
    const text = typeof content === "string" ? content : JSON.stringify(content);
    Deno.writeTextFileSync(this.paths.config, text, { mode: 0o600 });
  }

  /** The configuration as a value. */
  // deno-lint-ignore no-explicit-any
  readConfig(): any {
    return JSON.parse(Deno.readTextFileSync(this.paths.config));
  }

  /**
   * Stands in for the running pfw on the control socket.
   *
   * @param answer status and body for a request such as `POST /reload` with its body
   */
  standIn(answer: (request: string, body: string) => [number, unknown]): void {
    Deno.mkdirSync(this.paths.runDir, { recursive: true });
    const handler = async (request: Request) => {
      const text = await request.text();
      const [status, body] = answer(`${request.method} ${new URL(request.url).pathname}`, text);
      return Response.json(body, { status });
    };
    this.#server = Deno.serve({ path: this.paths.socket, onListen: () => {} }, handler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.shutdown();
    await Deno.remove(this.directory, { recursive: true });
  }
}
