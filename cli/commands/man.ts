/** `pfw man`, hidden: pfw(8) as roff, for people who make packages. The action loads lazily. */
import type { Command } from "commander";

/** Adds it. */
export function registerMan(program: Command): void {
  program.command("man", { hidden: true }).description("print the man page pfw(8) as roff")
    .addHelpText("after", "\nExamples:\n  pfw man | man -l -")
    .action(async () => {
      const { manPage } = await import("./man_page.ts");
      const { writeOut } = await import("../output.ts");
      writeOut(manPage(program));
    });
}
