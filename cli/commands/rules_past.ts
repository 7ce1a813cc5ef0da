/** `rules confirm`, `history`, `diff` and `rollback`: what was, and what stays. Actions load lazily. */
import type { Command } from "commander";
import { quote } from "../../engine/policy/field_problems.ts";
import { changesPolicy } from "../change_options.ts";
import { changingContextOf, contextOf, usageError } from "../context.ts";

/** Adds the four words, and the hidden one of the process that waits for the first. */
export function registerRulesPast(rules: Command): void {
  rules.command("confirm").description("keep a change made with --confirm SECONDS")
    .addHelpText("after", "\nExamples:\n  pfw rules confirm")
    .action(async (_options, command) => {
      const { confirmRules } = await import("./rules_history.ts");
      await confirmRules(contextOf(command));
    });
  rules.command("history").description("the last 20 policies that were put in place")
    .addHelpText("after", "\nExamples:\n  pfw rules history\n  pfw rules history --json")
    .action(async (_options, command) => {
      const { listHistory } = await import("./rules_history.ts");
      await listHistory(contextOf(command));
    });
  rules.command("diff").description("what changed between an entry of the history and now")
    .argument("<number>", "the number that `rules history` shows", historyNumber)
    .addHelpText("after", "\nExamples:\n  pfw rules diff 7\n  pfw rules diff 7 --json")
    .action(async (number, _options, command) => {
      const { showDiff } = await import("./rules_diff.ts");
      await showDiff(contextOf(command), number);
    });
  changesPolicy(rules.command("rollback")).description("put an entry of the history in place again")
    .argument("<number>", "the number that `rules history` shows", historyNumber)
    .addHelpText(
      "after",
      "\nExamples:\n  pfw rules rollback 7\n  pfw rules rollback 7 --confirm 60",
    )
    .action(async (number, _options, command) => {
      const { rollBack } = await import("./rules_history.ts");
      await rollBack(changingContextOf(command), number);
    });
  rules.command("return-unconfirmed", { hidden: true }).argument("<id>")
    .action(async (id, _options, command) => {
      const { returnUnconfirmed } = await import("./return_guard.ts");
      await returnUnconfirmed(contextOf(command).paths, id);
    });
}

function historyNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  const why = `${quote(text)} is no number of the history`;
  throw usageError("wrong usage", why, "see pfw rules history");
}
