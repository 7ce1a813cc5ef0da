/** `blacklist list` and `whitelist list`. */
import { loadConfig } from "../../engine/policy/config_file.ts";
import { keyOfList, type ListName } from "../../engine/policy/edit_lists.ts";
import { print, printJson } from "../output.ts";
import type { CommandContext } from "../context.ts";

/** Prints one address a line, so that another command can read it. */
export async function printList({ paths, json }: CommandContext, list: ListName): Promise<void> {
  const { config } = await loadConfig(paths);
  const addresses = config[keyOfList(list)];
  if (json) return printJson({ list, count: addresses.length, addresses });
  if (addresses.length > 0) return print(addresses.join("\n"));
  // On standard error: nothing is what a pipe shall read.
  console.error(`The ${list} is empty. Add an address, for example: pfw ${list} add 203.0.113.7`);
}
