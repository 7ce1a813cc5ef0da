/** The addresses that a command was given: as arguments, or a list on standard input. */
import { addressProblem, quote } from "../../engine/policy/field_problems.ts";
import { LIMITS } from "../../engine/policy/limits.ts";
import { plural } from "../output.ts";
import { usageError } from "../context.ts";
import { readStandardInput } from "../standard_input.ts";

/** One line of a list that is no address. */
export interface BadLine {
  /** From 1. */
  readonly line: number;
  readonly problem: string;
}

/** What a text with one address a line holds. */
export interface AddressLines {
  readonly addresses: string[];
  readonly bad: BadLine[];
}

/** Words given on the command line, and where one of them is `-` the list on standard input. */
export interface AddressInput extends AddressLines {
  readonly fromInput: boolean;
}

/**
 * Reads lines of addresses: one, or several with blanks or commas between them. Comments (`#`, `;`),
 * blank lines, a byte order mark and a note behind an address (a score, a name) are skipped, as
 * lists in circulation have them; a note that holds an address may mean it or not, and is bad.
 */
export function readAddressLines(text: string): AddressLines {
  const addresses: string[] = [], bad: BadLine[] = [];
  let number = 0;
  for (const line of text.split(/\r\n|\n|\r/)) {
    number++;
    // A byte order mark counts as a blank.
    const content = /^[^#;]*/.exec(line)![0].trim();
    if (content === "") continue;
    const found = readLine(content);
    if (typeof found === "string") bad.push({ line: number, problem: found });
    else if (found.length === 1) addresses.push(found[0]);
    else addresses.push(...found);
  }
  return { addresses, bad };
}

/** The addresses of a line, or what is wrong with it. */
function readLine(line: string): readonly string[] | string {
  const end = line.search(/[\s,]/);
  const first = end < 0 ? line : line.slice(0, end);
  const problem = addressProblem(first);
  if (problem !== undefined) return problem;
  // Most lines hold one address, at most with a score behind it.
  if (end < 0 || !/[.:]/.test(line.slice(end))) return [first];
  return readWords(line.split(/[\s,]+/).filter((word) => word !== ""));
}

/** The same of several words, the first of which is an address. */
function readWords(words: readonly string[]): readonly string[] | string {
  const behind = words.slice(1);
  const isAddress = (word: string) => addressProblem(word) === undefined;
  if (behind.every(isAddress)) return rangeProblem(words) ?? words;
  const doubtful = behind.find((word) => LIKE_ADDRESS.test(word) || isAddress(word));
  if (doubtful === undefined) return [words[0]];
  return addressProblem(doubtful) ??
    `${quote(doubtful)} stands among other text: write addresses alone, and notes behind a #`;
}

/** A network as other programs write it, whose ends would be taken for two addresses. */
function rangeProblem(words: readonly string[]): string | undefined {
  const mask = words.slice(1).find((word) => NETMASK.test(word));
  if (mask !== undefined) return `${quote(mask)} looks like a netmask: ${AS_PREFIX}`;
  const [first, last] = words;
  if (words.length !== 2 || !first.endsWith(".0") || !last.endsWith(".255")) return undefined;
  return `${quote(`${first} ${last}`)} looks like a range: ${AS_PREFIX}`;
}

const AS_PREFIX = "write a network as in 203.0.113.0/24";
const NETMASK = /^255(\.\d+){3}$/;

/** What somebody meant as an address, right or wrong. */
const LIKE_ADDRESS = /^\d+(\.\d+){3}([/-]|$)|^[\da-f:]*::/i;

/**
 * The addresses among the arguments and on standard input.
 *
 * @throws PfwError (exit 2) that names the arguments that are no address, or where there is none
 */
export async function readAddresses(given: readonly string[]): Promise<AddressInput> {
  const words = given.flatMap((word) => word.split(",")).filter((word) => word !== "");
  const direct = words.filter((word) => word !== "-");
  const problems = direct.map(addressProblem).filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    throw usageError("wrong usage", problems.join(", "), "nothing was changed");
  }
  if (words.length === 0) throw usageError("nothing was changed", "no address is given");
  if (!words.includes("-")) return { addresses: direct, bad: [], fromInput: false };
  const text = new TextDecoder().decode(await readStandardInput());
  const { addresses, bad } = readAddressLines(text);
  if (direct.length + addresses.length > LIMITS.addresses) {
    const why = `${plural(addresses.length, "address", "addresses")} are more than a list can hold`;
    throw usageError("cannot read standard input", why, "nothing was changed");
  }
  return { addresses: [...direct, ...addresses], bad, fromInput: true };
}
