/** A real shell on a pseudo-terminal: keys are typed, and what it then runs is recorded. */
import { join } from "node:path";
import { pfwCommand } from "../support/pfw.ts";
import type { Sandbox } from "../support/sandbox.ts";

/** Why this shell cannot be driven here; empty where it can. */
export function missingFor(shell: string): string {
  for (const program of [shell, "script"]) {
    try {
      new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
        .outputSync();
    } catch {
      return `needs ${program}`;
    }
  }
  return "";
}

/**
 * Puts a `pfw` into the sandbox that completes as the real one, and otherwise only writes down
 * its words; the script of the shell beside it. Returns the folder.
 */
export async function prepareShell(sandbox: Sandbox, shell: string): Promise<string> {
  const folder = sandbox.path("bin");
  await Deno.mkdir(folder, { recursive: true });
  const command = pfwCommand().argv.map((word) => `'${word}'`).join(" ");
  const record = `printf '<%s>' "$@" >>'${sandbox.path("ran")}'; echo >>'${sandbox.path("ran")}'`;
  const stand = `#!/bin/sh\n[ "$1" = __complete ] && exec ${command} "$@"\n${record}\n`;
  await Deno.writeTextFile(join(folder, "pfw"), stand, { mode: 0o755 });
  const { out } = await sandbox.pfw("completion", shell);
  await Deno.writeTextFile(join(folder, shell === "zsh" ? "_pfw" : "completion"), out);
  return folder;
}

/** The words before the keys: an interactive shell without anybody's settings. */
const SHELLS: Record<string, { argv: string; setup: (folder: string) => string }> = {
  bash: { argv: "bash --norc --noprofile -i", setup: (folder) => `source ${folder}/completion` },
  zsh: {
    argv: "zsh -f -i",
    setup: (folder) => `fpath=(${folder} $fpath); autoload -Uz compinit; compinit -u -D`,
  },
};

/** Types each line, in which `\t` is the Tab key, and returns what pfw was then called with. */
export async function typeInto(
  shell: "bash" | "zsh",
  sandbox: Sandbox,
  lines: readonly string[],
): Promise<string[]> {
  const folder = await prepareShell(sandbox, shell);
  const { argv, setup } = SHELLS[shell];
  const child = new Deno.Command("script", {
    args: ["--quiet", "--command", argv, "/dev/null"],
    cwd: folder,
    env: {
      ...sandbox.env,
      PATH: `${folder}:${Deno.env.get("PATH")}`,
      TERM: "dumb",
      HOME: sandbox.directory,
      INPUTRC: "/dev/null",
      PS1: "$ ",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const keys = [setup(folder), ...lines, "exit", ""].join("\n");
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(keys));
  // Open until the shell has ended: the end of the input would be typed into it as well.
  const { stdout } = await child.output();
  await writer.close().catch(() => {});
  const ran = await Deno.readTextFile(sandbox.path("ran")).catch(() => "");
  if (!ran) throw new Error(`nothing ran: ${new TextDecoder().decode(stdout)}`);
  return ran.trimEnd().split("\n");
}
