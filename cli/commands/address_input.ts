/** The addresses that a command was given: as arguments, or a list on standard input. */
import { addressProblem } from "../../engine/policy/field_problems.ts";
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
 * Reads one address a line. Comments (`#`, `;`), blank lines, a byte order mark and whatever
 * follows the address after a blank are skipped, as lists in circulation have them.
 */
export function readAddressLines(text: string): AddressLines {
  const addresses: string[] = [], bad: BadLine[] = [];
  let number = 0;
  for (const line of text.split(/\r\n|\n|\r/)) {
    number++;
    const word = /^[^\s#;,]*/.exec(line.replace(/^\ufeff/, "").trimStart())![0];
    if (word === "" && /^\s*([#;]|$)/.test(line.replace(/^\ufeff/, ""))) continue;
    const problem = addressProblem(word);
    if (problem === undefined) addresses.push(word);
    else bad.push({ line: number, problem });
  }
  return { addresses, bad };
}

/**
 * The addresses among the arguments and on standard input.
 *
 * @throws PfwError (exit 2) that names the arguments that are no address
 */
export async function readAddresses(given: readonly string[]): Promise<AddressInput> {
  const words = given.flatMap((word) => word.split(",")).filter((word) => word !== "");
  const direct = words.filter((word) => word !== "-");
  const problems = direct.map(addressProblem).filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    throw usageError("wrong usage", problems.join(", "), "nothing was changed");
  }
  if (!words.includes("-")) return { addresses: direct, bad: [], fromInput: false };
  const text = new TextDecoder().decode(await readStandardInput());
  const { addresses, bad } = readAddressLines(text);
  if (direct.length + addresses.length > LIMITS.addresses) {
    const why = `${plural(addresses.length, "address", "addresses")} are more than a list can hold`;
    throw usageError("cannot read standard input", why, "nothing was changed");
  }
  return { addresses: [...direct, ...addresses], bad, fromInput: true };
}
