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
    const found = readLine(content.split(/[\s,]+/));
    if (typeof found === "string") bad.push({ line: number, problem: found });
    else addresses.push(...found);
  }
  return { addresses, bad };
}

/** The addresses among a line's words, or what is wrong with it. */
function readLine(words: readonly string[]): readonly string[] | string {
  const problem = addressProblem(words[0]);
  if (problem !== undefined) return problem;
  const behind = words.slice(1).filter((word) => word !== "");
  const isAddress = (word: string) => addressProblem(word) === undefined;
  if (behind.every(isAddress)) return [words[0], ...behind];
  const doubtful = behind.find((word) => LIKE_ADDRESS.test(word) || isAddress(word));
  if (doubtful === undefined) return [words[0]];
  return addressProblem(doubtful) ??
    `${quote(doubtful)} stands among other text: write addresses alone, and notes behind a #`;
}

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
