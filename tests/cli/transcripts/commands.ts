/** The commands of the tree. */
import type { Command } from "commander";

/** What a program starts for itself: nobody types it, and it prints nothing for people. */
const INTERNAL: readonly string[] = ["__complete", "rules return-unconfirmed"];

/** The words of every command that does something, the hidden ones too. */
export function commandPaths(command: Command, before: readonly string[] = []): string[] {
  return command.commands.flatMap((child) => {
    const path = [...before, child.name()];
    if (child.commands.length > 0) return commandPaths(child, path);
    return INTERNAL.includes(path.join(" ")) ? [] : [path.join(" ")];
  });
}

/** The words of every command that only holds others. */
export function groupPaths(command: Command, before: readonly string[] = []): string[] {
  return command.commands.filter((child) => child.commands.length > 0).flatMap((child) => {
    const path = [...before, child.name()];
    return [path.join(" "), ...groupPaths(child, path)];
  });
}

/** The command of a path; of none, the program. */
export function commandAt(program: Command, path: string): Command {
  if (path === "") return program;
  return path.split(" ").reduce(
    (parent, name) => parent.commands.find((child) => child.name() === name)!,
    program,
  );
}
