/** Many commands that change the configuration at the same time, and somebody who reads it. */
import { checkConfig } from "../../engine/policy/config.ts";
import { readConfigFile } from "../../engine/policy/config_file.ts";
import type { Config } from "../../engine/policy/schema.ts";
import type { Run, Sandbox } from "./sandbox.ts";

/** One command, what it adds, and how it ended. */
export interface Change {
  readonly words: readonly string[];
  readonly run: Run;
}

/** The words of `count` commands: every other one adds a rule, the others an address. */
export function changingWords(count: number): string[][] {
  return Array.from(
    { length: count },
    (_, at) =>
      at % 2 === 0
        ? ["rules", "add", nameOf(at), "block", "--protocol", "tcp", "--ports", `${10_000 + at}`]
        : ["blacklist", "add", addressOf(at)],
  );
}

const nameOf = (at: number) => `Rule ${at}`;
const addressOf = (at: number) => `203.0.${113 + (at >> 8)}.${at & 255}`;

/** What the configuration holds of what those commands add, each thing once, in any order. */
export function addedThings({ rules, blacklist_ips }: Config): string[] {
  return [...rules.map(({ name }) => name), ...blacklist_ips].toSorted();
}

/** The same as it should be. */
export function thingsOf(count: number): string[] {
  return Array.from({ length: count }, (_, at) => at % 2 === 0 ? nameOf(at) : addressOf(at))
    .toSorted();
}

/** Runs commands, so many at a time: as soon as one ends, another begins. */
export async function runTogether(
  commands: readonly (readonly string[])[],
  atOnce: number,
  run: (words: readonly string[]) => Promise<Run>,
): Promise<Change[]> {
  const waiting = commands.values(), changes: Change[] = [];
  const worker = async () => {
    for (const words of waiting) changes.push({ words, run: await run(words) });
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return changes;
}

/** Reads the configuration again and again, as `rules check` does, until `stop` is called. */
export class ConfigReader {
  /** Texts that differed from the one before. */
  texts = 0;
  /** Everything that was wrong with any of them. */
  readonly problems: string[] = [];
  readonly #finished: Promise<void>;
  #isOver = false;
  #last = "";

  constructor(private readonly sandbox: Sandbox) {
    this.#finished = this.#read();
  }

  async #read(): Promise<void> {
    let before = 0;
    while (!this.#isOver) {
      try {
        const { text, config } = await readConfigFile(this.sandbox.paths.config);
        if (text !== this.#last) {
          const checked = checkConfig(text);
          if (!checked.ok) this.problems.push(JSON.stringify(checked.problems));
          const things = addedThings(config).length;
          // What was there stays there.
          if (things < before) this.problems.push(`${things} after ${before}`);
          before = things;
          this.texts++;
        }
        this.#last = text;
      } catch (error) {
        this.problems.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Ends the reading. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#finished;
  }
}
