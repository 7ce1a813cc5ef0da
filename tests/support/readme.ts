/** The commands that the README shows, and how each kind of them is run by a test. */
import { join } from "node:path";
import type { Command } from "commander";
import { buildProgram } from "../../cli/program.ts";
import { fencedBlocks } from "./markdown.ts";
import { ROOT } from "./pfw.ts";

/** How a command is run. */
export type Manner =
  /** It builds or tests the repository: left to tests/build and to whoever runs the whole suite. */
  | "build"
  /** It is the pfw beside which all others are run. */
  | "beside"
  /** To its end. */
  | "once"
  /** Until it has shown something new; then Ctrl-C ends it. */
  | "interrupted";

/** A line of a block of shell commands. */
export interface ReadmeCommand {
  /** As a shell takes it, without the comment. */
  readonly text: string;
  /** Where it stands, from 1. */
  readonly line: number;
  readonly manner: Manner;
  /** What it should end with: 0 unless its comment says `exit N`. */
  readonly code: number;
}

/** Every command of the README, in its order; throws for one that no test knows how to run. */
export function readmeCommands(): ReadmeCommand[] {
  return commandsIn(Deno.readTextFileSync(join(ROOT, "README.md")));
}

/** The same of any page. */
export function commandsIn(page: string): ReadmeCommand[] {
  return fencedBlocks(page, "sh").flatMap(({ text, line }) =>
    text.split("\n").flatMap((content, at) => {
      const [command, comment = ""] = content.split(/\s+#\s/);
      if (command.trim() === "") return [];
      const code = Number(/\bexit (\d)\b/.exec(comment)?.[1] ?? 0);
      return [{ text: command.trim(), line: line + at, manner: mannerOf(command.trim()), code }];
    })
  );
}

/** Commands that go on until somebody ends them. */
const ENDLESS = /^(logs .*--follow|stats .*--watch)\b/;

function mannerOf(text: string): Manner {
  if (/^\.\/build\.sh( test)?( && sudo \.\/pfw start)?$/.test(text)) return "build";
  if (text === "sudo ./pfw start --dashboard") return "beside";
  const words = /^(?:sudo )?(?:\.\/)?pfw ([^|&;<>$`()\\]+)$/.exec(text)?.[1];
  if (words === undefined) throw new Error(`no test knows how to run: ${text}`);
  requireCommand(words, text);
  if (ENDLESS.test(words)) return "interrupted";
  // It would enforce until somebody ends it.
  if (/^start\b/.test(words) && !words.includes("--read")) {
    throw new Error(`no test knows how to run: ${text}`);
  }
  return "once";
}

/** Throws unless the words name a command, down to its last subcommand where they name one. */
function requireCommand(words: string, text: string): void {
  let command: Command = buildProgram();
  for (const word of words.split(" ")) {
    if (command.commands.length === 0 || word.startsWith("-")) return;
    const next = command.commands.find((each) => each.name() === word);
    if (!next) throw new Error(`no such command: ${text}`);
    command = next;
  }
}
