/** `pfw completion SHELL` and the hidden word that its scripts ask. Actions load lazily. */
import { Argument, type Command } from "commander";
import { contextOfNoPfw } from "../context.ts";
import { printJson, writeOut } from "../output.ts";
import { COMPLETE, completionScript, type Shell, SHELLS } from "./completion_scripts.ts";

const EXAMPLES = `
Examples:
  source <(pfw completion bash)
  pfw completion zsh > ~/.zfunc/_pfw       with ~/.zfunc in $fpath
  pfw completion fish > ~/.config/fish/completions/pfw.fish`;

/** Adds both. */
export function registerCompletion(program: Command): void {
  program.command("completion").description("print the script that completes pfw's words")
    .addArgument(new Argument("<shell>", "for this shell").choices(SHELLS))
    .addHelpText("after", EXAMPLES)
    .action((shell: Shell, _options, command) => {
      const script = completionScript(shell);
      if (contextOfNoPfw(command).json) printJson({ shell, script });
      else writeOut(script);
    });
  program.command(COMPLETE, { hidden: true }).argument("[words...]")
    .action(async (words: string[]) => {
      const { printCompletions } = await import("./completion_print.ts");
      await printCompletions(program, words);
    });
}
