/**
 * What the scripts of `pfw completion` read: one line that says which files fit (`files`,
 * `directories`, `none`), then a line for each word, a tab between it and what it means.
 */
import type { Command } from "commander";
import { writeOut } from "../output.ts";
import { valuesFor } from "./completion_values.ts";
import { type Candidate, wantedAt } from "./completion_words.ts";

/** Most words that a shell is given; nobody reads more. */
const MOST = 200;
/** Characters of what is said about a word. */
const LONGEST = 60;
/** Longest time that a value of this machine is waited for, in milliseconds. */
const PATIENCE = 1000;

/** Prints what fits; never fails, for a shell would show that amid a command line. */
export async function printCompletions(program: Command, words: readonly string[]): Promise<void> {
  try {
    writeOut(await completions(program, words));
  } catch {
    // Nothing fits.
  }
}

/** The lines for these words, of which the last is to be completed. */
export async function completions(program: Command, words: readonly string[]): Promise<string> {
  const wanted = wantedAt(program, words);
  const values = await inTime(valuesFor(wanted).catch(() => []));
  const last = (words.at(-1) ?? "").slice(wanted.prefix.length);
  const lines = [...wanted.candidates, ...values]
    .filter(({ value }) => value.startsWith(last) && isPlain(value))
    .slice(0, MOST)
    .map((candidate) => lineOf(wanted.prefix, candidate));
  return `${[wanted.files, ...lines].join("\n")}\n`;
}

async function inTime(values: Promise<Candidate[]>): Promise<Candidate[]> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Candidate[]>((resolve) => {
    timer = setTimeout(() => resolve([]), PATIENCE);
  });
  try {
    return await Promise.race([values, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A word with a control character is none that anybody could type. */
function isPlain(value: string): boolean {
  return value !== "" && !/\p{C}/u.test(value);
}

function lineOf(prefix: string, { value, description = "" }: Candidate): string {
  const text = description.replace(/[\p{C}\s]+/gu, " ").trim();
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
  return short ? `${prefix}${value}\t${short}` : prefix + value;
}
