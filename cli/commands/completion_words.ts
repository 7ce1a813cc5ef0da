/**
 * What may stand where the cursor is, from the same definitions as the help: commands, options,
 * choices, and what only the machine knows (`Wanted.values`), which the caller asks for.
 */
import type { Argument, Command, Option } from "commander";

/** A word that fits, with what it means. */
export interface Candidate {
  readonly value: string;
  readonly description?: string;
}

/** What the shell itself shall complete besides. */
export type FileKind = "files" | "directories" | "none";

/** What may stand at the end of a command line. */
export interface Wanted {
  readonly candidates: readonly Candidate[];
  readonly files: FileKind;
  /** Path and argument of a value that has no fixed choices, e.g. `rules remove <number>`. */
  readonly values?: string;
  /** Words that stand there already, of the same argument. */
  readonly given: readonly string[];
  /** Put before each value: `--option=` where value and option are one word. */
  readonly prefix: string;
  /** Options of the whole program that were given, by their attribute name. */
  readonly global: Readonly<Record<string, string>>;
}

/** @param words all words after `pfw`; the last one, perhaps empty, is to be completed */
export function wantedAt(program: Command, words: readonly string[]): Wanted {
  const line = new Line(program);
  for (const word of words.slice(0, -1)) line.take(word);
  return line.wanted(words.at(-1) ?? "");
}

/** A command line as far as it was typed. */
class Line {
  #command: Command;
  readonly #operands: string[] = [];
  readonly #used = new Set<Option>();
  readonly #global: Record<string, string> = {};
  /** The option whose value comes next. */
  #open: Option | undefined;
  #onlyOperands = false;

  constructor(private readonly program: Command) {
    this.#command = program;
  }

  take(word: string): void {
    if (this.#open && !(this.#open.variadic && word.startsWith("-"))) {
      this.#note(this.#open, word);
      if (!this.#open.variadic) this.#open = undefined;
    } else if (word === "--" && !this.#onlyOperands) {
      this.#onlyOperands = true;
      this.#open = undefined;
    } else if (this.#isOption(word)) {
      this.#takeOption(word);
    } else {
      const child = this.#operands.length === 0 ? this.#child(word) : undefined;
      if (child) this.#command = child;
      else this.#operands.push(word);
    }
  }

  wanted(last: string): Wanted {
    if (this.#open && !(this.#open.variadic && last.startsWith("-"))) {
      return this.#valueOf(this.#open, "");
    }
    if (this.#isOption(last)) return this.#optionAt(last);
    // The first word after a command with subcommands is one of them.
    if (this.#command.commands.length > 0 && this.#operands.length === 0) {
      return this.#found({ candidates: this.#subcommands() });
    }
    return this.#operandAt();
  }

  #isOption(word: string): boolean {
    return !this.#onlyOperands && word.length > 0 && word.startsWith("-");
  }

  #takeOption(word: string): void {
    const [name, value] = splitOption(word);
    const option = this.#optionNamed(name);
    this.#open = undefined;
    if (!option) return;
    this.#used.add(option);
    if (value !== undefined) this.#note(option, value);
    else if (option.required) this.#open = option;
  }

  #optionNamed(name: string): Option | undefined {
    return this.#options().find(({ long, short }) => long === name || short === name);
  }

  #note(option: Option, value: string): void {
    if (this.program.options.includes(option)) this.#global[option.attributeName()] = value;
  }

  #child(word: string): Command | undefined {
    return this.#command.commands.find((one) =>
      one.name() === word || one.aliases().includes(word)
    );
  }

  #subcommands(): Candidate[] {
    return this.#command.createHelp().visibleCommands(this.#command)
      .map((one) => ({ value: one.name(), description: one.description() }));
  }

  /** Of the command itself and of the program; those of the program may stand anywhere. */
  #options(): Option[] {
    const help = this.#command.createHelp();
    const own = help.visibleOptions(this.#command);
    return this.#command === this.program
      ? own
      : [...own, ...this.program.options.filter((option) => option.long !== "--version")];
  }

  #optionAt(last: string): Wanted {
    const [name, value] = splitOption(last);
    const option = this.#optionNamed(name);
    if (option && value !== undefined) return this.#valueOf(option, `${name}=`);
    const open = this.#options().filter((one) => !this.#used.has(one) || mayRepeat(one));
    return this.#found({
      candidates: open.map((one) => ({
        value: one.long ?? one.short ?? "",
        description: one.description,
      })),
    });
  }

  #valueOf(option: Option, prefix: string): Wanted {
    const choices = option.argChoices ?? [];
    return this.#found({
      candidates: choices.map((value) => ({ value })),
      files: kindOf(option.flags),
      values: choices.length > 0 ? undefined : `${pathOf(this.#command)} ${option.long}`.trim(),
      prefix,
    });
  }

  #operandAt(): Wanted {
    const { registeredArguments: known } = this.#command;
    const at = Math.min(this.#operands.length, known.length);
    const argument = known[at] ?? (known.at(-1)?.variadic ? known.at(-1) : undefined);
    if (!argument) return this.#found({});
    const choices = argument.argChoices ?? [];
    return this.#found({
      candidates: choices.map((value) => ({ value })),
      files: kindOf(usage(argument)),
      values: choices.length > 0 ? undefined : `${pathOf(this.#command)} ${usage(argument)}`,
      given: this.#operands.slice(known.indexOf(argument)),
    });
  }

  #found(part: Partial<Wanted>): Wanted {
    const global = this.#global;
    return { candidates: [], files: "none", given: [], prefix: "", global, ...part };
  }
}

/** `--option=value` as its two parts. */
function splitOption(word: string): [name: string, value: string | undefined] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

/** What collects its values may be given again. */
function mayRepeat(option: Option): boolean {
  return option.variadic || Array.isArray(option.defaultValue);
}

/** Definitions name what they take: `<file>`, `[file]`, `<dir>`. */
function kindOf(text: string): FileKind {
  if (/[<[]file(\.\.\.)?[>\]]/.test(text)) return "files";
  return /[<[]dir(\.\.\.)?[>\]]/.test(text) ? "directories" : "none";
}

function usage(argument: Argument): string {
  return `<${argument.name()}>`;
}

/** `rules remove` for that command; hidden words of the older form stand for the same. */
function pathOf(command: Command): string {
  const names: string[] = [];
  for (let one: Command | null = command; one?.parent; one = one.parent) names.unshift(one.name());
  return names.join(" ");
}
