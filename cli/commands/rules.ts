/**
 * `pfw rules …`, and the old project's words for the most used of them. Actions load lazily, but
 * for `list`, which is in the core of the bundle anyway.
 */
import { Argument, type Command, Option } from "commander";
import { quote } from "../../engine/policy/field_problems.ts";
import { changesPolicy } from "../change_options.ts";
import { changingContextOf, contextOf, contextOfNoPfw, usageError } from "../context.ts";
import { listRules } from "./rules_list.ts";
import { registerRulesPast } from "./rules_past.ts";

type Define = (parent: Command, hidden: boolean) => void;

/** What the old project has too. */
const OLD_WORDS: ReadonlyMap<string, Define> = new Map([
  ["list", defineList],
  ["add", defineAdd],
  ["remove", defineRemove],
  ["toggle", defineToggle],
]);

const WORDS: ReadonlyMap<string, Define> = new Map([
  ...OLD_WORDS,
  ["move", defineMove],
  ["check", defineCheck],
  ["import", defineImport],
  ["export", defineExport],
]);

/** Adds the old project's words, hidden. */
export function registerOldWords(program: Command): void {
  for (const define of OLD_WORDS.values()) define(program, true);
}

/**
 * Adds `rules`.
 *
 * @param only the one of its words that is called, where that is known: making all takes longer
 *   than listing the rules
 */
export function registerRules(program: Command, only = ""): void {
  const rules = program.command("rules").description("show and change the rules")
    .addHelpText(
      "after",
      examples("rules list", 'rules add "No telnet" block --ports 23', "rules toggle 1"),
    );
  const define = WORDS.get(only);
  if (define) return define(rules, false);
  for (const each of WORDS.values()) each(rules, false);
  registerRulesPast(rules);
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  pfw ${line}`).join("\n")}`;
}

function defineList(parent: Command, hidden: boolean): void {
  parent.command("list", { hidden }).description("list the rules with their hits in the kernel")
    .addHelpText("after", examples("rules list", "rules list --json"))
    .action(async (_options, command) => {
      await listRules(contextOf(command));
    });
}

function defineAdd(parent: Command, hidden: boolean): void {
  changesPolicy(parent.command("add", { hidden })).description("add a rule")
    .argument("<name>", "what the rule is for")
    .addArgument(new Argument("<action>", "what happens to what it matches").choices(ACTIONS))
    .addOption(
      new Option("--protocol <protocol>").choices(["tcp", "udp", "icmp", "any"]).default("any"),
    )
    .option(
      "--ports <ports>",
      "destination ports and ranges, e.g. 23,445,8000-8100; may be repeated",
      listOf("--ports"),
      [],
    )
    .option(
      "--source <address>",
      "address or CIDR range, may be repeated",
      listOf("--source"),
      [],
    )
    .option(
      "--destination <address>",
      "address or CIDR range, may be repeated",
      listOf("--destination"),
      [],
    )
    .addOption(
      new Option("--direction <direction>", "who opened the connection: others, this host, either")
        .choices(["in", "out", "both"]).default("both"),
    )
    .option("--position <number>", "its number in the list; the end unless given", ruleNumber)
    .addHelpText(
      "after",
      examples(
        'rules add "No telnet" block --protocol tcp --ports 23 --direction in',
        'rules add "Office only" allow --ports 22 --source 203.0.113.0/24 --position 1',
        'rules add "No ping" block --protocol icmp --direction in',
      ),
    )
    .action(async (name, action, options, command) => {
      const { addRuleCommand } = await import("./rules_edit.ts");
      await addRuleCommand(changingContextOf(command), { ...options, name, action });
    });
}

const ACTIONS = ["allow", "block"] as const;

function defineRemove(parent: Command, hidden: boolean): void {
  changesPolicy(parent.command("remove", { hidden })).description("remove rules by number")
    .argument("<number...>", "numbers as `rules list` shows them", ruleNumbers)
    .addHelpText("after", examples("rules remove 3", "rules remove 2 5 6"))
    .action(async (numbers, _options, command) => {
      const { removeRulesCommand } = await import("./rules_edit.ts");
      await removeRulesCommand(changingContextOf(command), numbers);
    });
}

function defineToggle(parent: Command, hidden: boolean): void {
  changesPolicy(parent.command("toggle", { hidden })).description("switch a rule off or on")
    .argument("<number>", "the number that `rules list` shows", ruleNumber)
    .addHelpText("after", examples("rules toggle 2", "rules toggle 2 --json"))
    .action(async (number, _options, command) => {
      const { toggleRuleCommand } = await import("./rules_edit.ts");
      await toggleRuleCommand(changingContextOf(command), number);
    });
}

function defineMove(parent: Command): void {
  changesPolicy(parent.command("move")).description("move a rule: the first that matches decides")
    .argument("<from>", "its number", ruleNumber)
    .argument("<to>", "the number it shall have", ruleNumber)
    .addHelpText("after", examples("rules move 5 1", "rules move 1 3"))
    .action(async (from, to, _options, command) => {
      const { moveRuleCommand } = await import("./rules_edit.ts");
      await moveRuleCommand(changingContextOf(command), from, to);
    });
}

function defineCheck(parent: Command): void {
  parent.command("check").description("check a configuration; touches nothing")
    .argument("[file]", "the one in use unless given; `-` is standard input")
    .option("--plan", "print what would be put into the kernel")
    .addHelpText(
      "after",
      examples(
        "rules check",
        "rules check new_rules.json --plan",
        "rules check - < new_rules.json",
      ),
    )
    .action(async (file, options, command) => {
      const { checkRules } = await import("./rules_check.ts");
      const context = file === undefined ? contextOf(command) : contextOfNoPfw(command);
      await checkRules(context, file, options.plan === true);
    });
}

function defineImport(parent: Command): void {
  changesPolicy(parent.command("import")).description(
    "add the rules of another file; `-` is standard input",
  )
    .argument("<file>", "a configuration, a list of rules, or the older form with block_ips")
    .addHelpText(
      "after",
      examples("rules import other.json", "rules export | ssh host pfw rules import -"),
    )
    .action(async (file, _options, command) => {
      const { importRules } = await import("./rules_transfer.ts");
      await importRules(changingContextOf(command), file);
    });
}

function defineExport(parent: Command): void {
  parent.command("export").description("print the rules as JSON that `rules import` reads")
    .addHelpText(
      "after",
      examples("rules export > rules.json", "rules export | jq '.rules[].name'"),
    )
    .action(async (_options, command) => {
      const { exportRules } = await import("./rules_transfer.ts");
      await exportRules(contextOf(command));
    });
}

/**
 * Reads lists divided by commas, each repetition added to those before. One without an entry is
 * refused: a rule without ports or addresses speaks of all of them, and an empty value is what
 * becomes of a script's variable that is not set.
 */
function listOf(option: string): (text: string, before: string[]) => string[] {
  return (text, before) => {
    const parts = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
    if (parts.length > 0) return [...before, ...parts];
    const why = `${option} names nothing`;
    throw usageError("wrong usage", why, `leave ${option} out for a rule without it`);
  };
}

function ruleNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  const why = `${quote(text)} is not a rule number (1, 2, …)`;
  throw usageError("wrong usage", why, "see pfw rules list");
}

function ruleNumbers(text: string, before: number[] | undefined): number[] {
  return [...(before ?? []), ruleNumber(text)];
}
