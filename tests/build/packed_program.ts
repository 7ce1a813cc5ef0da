/** A self-extracting file that is small enough to unpack hundreds of times. */
import { join } from "node:path";
import { packSelfExtracting } from "../../build/self_extracting.ts";

/** What is packed: says what it was given, then does what its first word says. */
const PROGRAM = `
const [word, value] = Deno.args;
const seen = {
  args: Deno.args,
  pid: Deno.pid,
  umask: Deno.umask(),
  path: Deno.env.get("PATH"),
  marked: Deno.env.get("PFW_SELF_EXTRACTED"),
  executable: Deno.env.get("PFW_EXECUTABLE"),
};
console.log(JSON.stringify(seen));
if (word === "exit") Deno.exit(Number(value));
if (word === "echo") await Deno.stdin.readable.pipeTo(Deno.stdout.writable);
if (word === "wait") {
  Deno.addSignalListener("SIGTERM", () => Deno.exit(7));
  setTimeout(() => {}, 60_000);
}
`;

/** What the packed program was given. */
export interface Seen {
  readonly args: string[];
  readonly pid: number;
  readonly umask: number;
  readonly path: string;
  readonly marked?: string;
  readonly executable?: string;
}

/** A temporary directory with the packed file and a place to unpack it into. */
export class PackedProgram implements AsyncDisposable {
  private constructor(readonly directory: string, readonly file: string, readonly base: string) {}

  /**
   * Packs it. In the place of Deno stands a script that calls the Deno that runs this test.
   *
   * @param version makes another file of it, with another hash
   */
  static async make(version = "1"): Promise<PackedProgram> {
    const directory = await Deno.makeTempDir({ prefix: "pfw-packed-" });
    const dist = join(directory, "dist");
    await bundlePlace(dist);
    await Deno.writeTextFile(join(dist, "main.js"), `// ${version}\n${PROGRAM}`);
    const deno = join(directory, "deno");
    await Deno.writeTextFile(deno, `#!/bin/sh\nexec '${Deno.execPath()}' "$@"\n`);
    const file = join(directory, "packed");
    await packSelfExtracting({ deno, directory: dist, output: file });
    return new PackedProgram(directory, file, join(directory, "unpacked"));
  }

  /** A process that runs it. */
  spawn(args: string[] = [], options: Deno.CommandOptions = {}): Deno.ChildProcess {
    return new Deno.Command(this.file, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...options,
      env: { PFW_UNPACK_DIR: this.base, ...options.env },
    }).spawn();
  }

  /** Runs it to its end. */
  async run(args: string[] = [], options: Deno.CommandOptions = {}) {
    const { code, stdout, stderr } = await this.spawn(args, options).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** What lies in the place to unpack into, the lock left out. */
  unpacked(): string[] {
    return [...Deno.readDirSync(this.base)].map((entry) => entry.name)
      .filter((name) => name !== ".lock").sort();
  }

  /** The one directory that it was unpacked into. */
  home(): string {
    const [only, ...others] = this.unpacked();
    if (!/^[0-9a-f]{64}$/.test(only) || others.length) throw new Error(`found ${this.unpacked()}`);
    return join(this.base, only);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

async function bundlePlace(directory: string): Promise<void> {
  const script = join(import.meta.dirname!, "bundle_place.ts");
  const args = ["run", "--quiet", "--allow-all", script, directory];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
