/** `pfw man`, hidden: pfw(8) as roff, for people who make packages. The action loads lazily. */
import type { Command } from "commander";
import { contextOfNoPfw } from "../context.ts";

/** Adds it. */
export function registerMan(program: Command): void {
  program.command("man", { hidden: true }).description("print the man page pfw(8) as roff")
    .addHelpText("after", "\nExamples:\n  pfw man | man -l -")
    .action(async (_options, command) => {
      const { manPage } = await import("./man_page.ts");
      const { printJson, writeOut } = await import("../output.ts");
      const page = manPage(program);
      if (contextOfNoPfw(command).json) printJson({ page });
      else writeOut(page);
    });
}
